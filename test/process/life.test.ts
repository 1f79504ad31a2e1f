import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { startListening } from '../support/http/service.ts'
import { call, formula, post, runToEnd, startService } from '../support/service-process.ts'

const HALF_A_SUBMISSION =
  'POST /formulas HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: k\r\nContent-Length: 9\r\n\r\n{'

const at = (directory: string) => ({ DATABASE_URL: `sqlite:${join(directory, 'formulas.db')}` })

t.test('SIGTERM ends the process with 0, long polls and all connections with it, and nothing is lost', async (t) => {
  const environment = at(t.testdir())
  const service = await startService(t, environment)
  await post(service.url, 'k', formula(1))
  await call(service.url, '/events/receive', {})
  const poll = fetch(`${service.url}/events/receive`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"waitSeconds":20}',
  })
  // Connections that send nothing, or half a request.
  for (const half of ['', 'GET /for', HALF_A_SUBMISSION]) {
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1').on('error', () => {})
    await once(socket, 'connect')
    socket.write(half)
  }
  await call(service.url, '/events/stats')
  const begun = performance.now()
  const ended = await service.kill('SIGTERM')
  t.match(ended, { code: 0, signal: null })
  t.ok(performance.now() - begun < 10_000, 'without waiting for any of them')
  const answer = await poll
  t.equal(answer.status, 503)
  t.match(await answer.json(), { code: 'SERVICE_STOPPING' })
  const again = await startListening(t, environment)
  t.equal((await post(again.url, 'k', formula(1))).headers.get('idempotent-replayed'), 'true')
})

t.test('two processes cannot open one database file', async (t) => {
  const environment = at(t.testdir())
  await startListening(t, environment)
  const second = await runToEnd(t, environment)
  t.equal(second.code, 1)
  t.match(second.stderr, [/in use by another process/])
})

t.test('a durable database with a queue in memory starts with a warning', async (t) => {
  const lines: string[] = []
  const logger = { level: 'warn', stream: { write: (line: string) => void lines.push(line) } }
  const service = await startListening(t, { ...at(t.testdir()), QUEUE_URL: 'memory:' }, { logger })
  t.equal((await post(service.url, 'k', formula(1))).status, 200)
  t.match(lines, [/"level":40.*in memory/])
})
