import { once } from 'node:events'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'tap'
import { startGuarded } from '../support/http/keys.ts'
import { openSocket, raw } from '../support/http/raw-connection.ts'
import { formula, startService } from '../support/http/service.ts'
import { overload } from './fixtures.ts'

const HALF_A_BODY = 'Content-Length: 100\r\n\r\n{"name":'

/** The head of a request, without the line that ends it. */
const head = (line: string, ...headers: string[]): string =>
  [`${line} HTTP/1.1`, 'Host: localhost', ...headers, ''].join('\r\n')

const submission = (...headers: string[]): string =>
  head('POST /formulas', 'Idempotency-Key: abc', 'Content-Type: application/json', ...headers)

/** Reads from a connection until a text has come. */
async function readUntil(socket: Socket, wanted: string): Promise<string> {
  let read = ''
  while (!read.includes(wanted)) read += String((await once(socket, 'data'))[0])
  return read
}

test('an answer that goes before the body has been read ends the connection, and says so', async (t) => {
  const open = await startService(t, { BODY_LIMIT_BYTES: '1024' })
  const guarded = await startGuarded(t)
  const shedding = await startService(t)
  overload(shedding.app)
  const reader = `Authorization: Bearer ${guarded.secrets.read}`
  const cases = [
    [guarded, submission() + HALF_A_BODY, 401],
    [guarded, submission(reader) + HALF_A_BODY, 403],
    [open, head('POST /nope') + HALF_A_BODY, 404],
    [open, head('PUT /formulas') + HALF_A_BODY, 405],
    [open, head('POST /formulas') + HALF_A_BODY, 400],
    [open, `${submission()}Content-Length: 5000\r\n\r\n{`, 413],
    [open, `${submission('Transfer-Encoding: chunked')}\r\n800\r\n${'x'.repeat(2048)}\r\n`, 413],
    [open, head('POST /events/receive', 'Content-Type: text/plain') + HALF_A_BODY, 415],
    [open, `${head('POST /events/receive', 'Transfer-Encoding: chunked')}\r\n5\r\n{`, 415],
    [open, head('GET /formulas/%zz') + HALF_A_BODY, 400],
    [open, head('GET /formulas') + HALF_A_BODY, 200],
    [shedding, submission() + HALF_A_BODY, 503],
  ] as const
  for (const [service, bytes, status] of cases) {
    const answer = await raw(t, service, bytes)
    t.match(answer.head, new RegExp(`^HTTP/1.1 ${status} .*\r\nConnection: close`, 'is'), bytes)
    t.ok(JSON.parse(answer.body), 'it is whole')
  }
})

test('a connection stays open behind an answer to a request that has been read, whatever the answer', async (t) => {
  const service = await startService(t)
  const socket = await openSocket(t, service)
  for (const [bytes, status] of [
    [`${submission()}Content-Length: 2\r\n\r\n{}`, 400],
    [`${head('GET /nope')}\r\n`, 404],
    [`${head('POST /events/receive')}Content-Length: 0\r\n\r\n`, 200],
  ] as const) {
    socket.write(bytes)
    const answer = await readUntil(socket, '}')
    t.match(answer, new RegExp(`^HTTP/1.1 ${status} `))
    t.notMatch(answer, /Connection: close/i)
  }
})

/** Sends the same bytes over and over until the connection has closed. */
function sendOn(socket: Socket, bytes: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.on('error', () => {}).on('close', resolve)
  const goOn = (): void => void socket.write(bytes, (error) => error || setTimeout(goOn, 5))
  goOn()
  return promise
}

test('a client that still sends its body gets the answer, and is cut off when it goes on', async (t) => {
  const service = await startGuarded(t)
  const socket = await openSocket(t, service)
  socket.write(`${submission()}Content-Length: 1000000000\r\n\r\n`)
  const closed = sendOn(socket, 'x'.repeat(100_000))
  t.match(await text(socket), /^HTTP\/1.1 401 .*\r\nConnection: close.*"code":"UNAUTHORIZED".*\}$/is)
  await closed
})

test('what is sent after such an answer is not taken for a request', async (t) => {
  const service = await startGuarded(t)
  const socket = await openSocket(t, service)
  const body = JSON.stringify(formula(1))
  const key = `Authorization: Bearer ${service.secrets.submit}`
  const another = `${submission(key)}Content-Length: ${body.length}\r\n\r\n${body}`
  socket.write(`${submission()}Content-Length: ${another.length}\r\n\r\n`)
  t.match(await readUntil(socket, '}'), /^HTTP\/1.1 401 /)
  await sendOn(socket, another)
  t.same((await service.reader.get('/formulas')).json().formulas, [])
})

test('a body in a transfer coding that is not known is a 400, and the connection ends', async (t) => {
  const service = await startService(t)
  for (const coding of ['xchunked', 'gzip, chunked', 'identity', 'chunked-x', 'chunked, gzip']) {
    const lines = ['Content-Type: text/plain', `Transfer-Encoding: ${coding}`]
    const answer = await raw(t, service, `${head('POST /events/receive', ...lines)}\r\n2\r\n{}\r\n0\r\n\r\n`)
    t.match(answer.head, /^HTTP\/1.1 400 .*\r\nConnection: close/is, coding)
    t.match(JSON.parse(answer.body), { code: 'BAD_REQUEST' }, coding)
  }
  const chunked = head('POST /events/receive', 'Content-Type: application/json', 'Transfer-Encoding: CHUNKED')
  const answer = await raw(t, service, `${chunked}Connection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n`)
  t.match(answer.head, /^HTTP\/1.1 200 /)
})

test('a client is told to go on with its body only when it is wanted', async (t) => {
  const service = await startGuarded(t, { BODY_LIMIT_BYTES: '1024' })
  const key = `Authorization: Bearer ${service.secrets.submit}`
  const expect = 'Expect: 100-continue'
  const refused = [
    [submission(expect), 401],
    [submission(expect, `Authorization: Bearer ${service.secrets.read}`), 403],
    [head('POST /formulas', key, expect), 400],
    [head('POST /formulas', key, expect, 'Idempotency-Key: abc', 'Content-Type: text/plain'), 415],
  ] as const
  for (const [bytes, status] of refused) {
    const answer = await raw(t, service, `${bytes}Content-Length: 100\r\n\r\n`)
    t.match(answer.head, new RegExp(`^HTTP/1.1 ${status} `))
  }
  const tooLong = await raw(t, service, `${submission(key, expect)}Content-Length: 5000\r\n\r\n`)
  t.match(tooLong.head, /^HTTP\/1.1 413 /)
  const body = JSON.stringify(formula(1))
  const socket = await openSocket(t, service)
  socket.write(`${submission(key, expect)}Content-Length: ${body.length}\r\n\r\n`)
  t.equal(await readUntil(socket, '\r\n\r\n'), 'HTTP/1.1 100 Continue\r\n\r\n')
  socket.write(body)
  t.match(await readUntil(socket, '}]}'), /^HTTP\/1.1 200 /)
})

test('a client that ends its half of the connection behind its request is answered', async (t) => {
  const service = await startService(t)
  const body = JSON.stringify(formula(1))
  for (const bytes of [
    `${submission()}Content-Length: ${body.length}\r\n\r\n${body}`,
    `${head('GET /formulas')}\r\n`,
    `${head('POST /events/receive')}\r\n`,
  ]) {
    const socket = await openSocket(t, service)
    socket.end(bytes)
    t.match(await text(socket), /^HTTP\/1.1 200 .*Formula 1.*\}$/s)
  }
})

test('a consumer that ends its half of the connection waits for no event', async (t) => {
  const service = await startService(t)
  const socket = await openSocket(t, service)
  const body = '{"waitSeconds":20}'
  const lines = ['Content-Type: application/json', `Content-Length: ${body.length}`]
  socket.end(`${head('POST /events/receive', ...lines)}\r\n${body}`)
  t.match(await text(socket), /^HTTP\/1.1 200 .*\{"events":\[\]\}$/s)
  await service.submit(formula(1))
  t.match((await service.get('/events/stats')).json(), { ready: 1, leased: 0 })
})
