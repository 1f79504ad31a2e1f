import { gzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { errorOf, formula, startListening, startService } from '../support/http/service.ts'
import { until } from '../support/until.ts'

const LIMIT = 16_384
const ENVIRONMENT = { BODY_LIMIT_BYTES: `${LIMIT}` }

/** A service, and a function that submits a body as it is, said to be gzip. */
async function startForGzip(t: Test) {
  const service = await startService(t, ENVIRONMENT)
  const submit = (payload: Buffer, key: string, coding = 'gzip') => {
    const headers = { 'idempotency-key': key, 'content-type': 'application/json', 'content-encoding': coding }
    return service.send({ method: 'POST', url: '/formulas', headers, payload })
  }
  return { ...service, gzipped: submit }
}

test('a body in gzip is the same submission as the plain one', async (t) => {
  const { gzipped, submit } = await startForGzip(t)
  const first = await gzipped(gzipSync(JSON.stringify(formula(1))), 'k')
  t.equal(first.statusCode, 200)
  for (const coding of ['gzip', 'GZIP', 'x-gzip']) {
    const repeat = await gzipped(gzipSync(JSON.stringify(formula(1)), { level: 1 }), 'k', coding)
    t.match({ ...repeat.headers, body: repeat.body }, { 'idempotent-replayed': 'true', body: first.body })
  }
  t.equal((await submit(formula(1), { key: 'k' })).body, first.body)
  errorOf(t, await gzipped(gzipSync(JSON.stringify(formula(2))), 'k'), 422, 'IDEMPOTENCY_KEY_REUSED')
})

test('the size limit is that of the decompressed body, to the byte', async (t) => {
  const { gzipped } = await startForGzip(t)
  const text = JSON.stringify(formula(1))
  t.equal((await gzipped(gzipSync(text.padEnd(LIMIT)), 'full')).statusCode, 200)
  errorOf(t, await gzipped(gzipSync(text.padEnd(LIMIT + 1)), 'over'), 413, 'PAYLOAD_TOO_LARGE')
})

test('a body that is no whole gzip stream is INVALID_JSON', async (t) => {
  const { gzipped } = await startForGzip(t)
  const whole = gzipSync(JSON.stringify(formula(1)))
  const flipped = Buffer.from(whole)
  flipped[12] = ~(flipped[12] as number) & 0xff
  const broken = {
    cut: whole.subarray(0, -9),
    'without its sum': whole.subarray(0, -4),
    flipped,
    plain: Buffer.from('{}'),
  }
  for (const [name, body] of Object.entries(broken)) {
    t.match(errorOf(t, await gzipped(body, 'k'), 400, 'INVALID_JSON').details, [{ path: '' }], name)
  }
  errorOf(t, await gzipped(gzipSync(''), 'k'), 400, 'INVALID_JSON')
})

test('a bomb is refused once it passes the limit, and holds no memory afterwards', async (t) => {
  const { gzipped, app } = await startForGzip(t)
  const bomb = gzipSync(Buffer.alloc(15_000_000, 0x20))
  t.ok(bomb.length < LIMIT)
  const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => gzipped(bomb, `${index}`)))
  for (const answer of answers) errorOf(t, answer, 413, 'PAYLOAD_TOO_LARGE')
  t.equal(app.connections.bodies.taken, 0)
})

test('a body in gzip may arrive in chunks, and beyond the byte budget is 503', async (t) => {
  const { url, app } = await startListening(t, ENVIRONMENT)
  const submit = (key: string) => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip', 'idempotency-key': key }
    const body = ReadableStream.from([gzipSync(JSON.stringify(formula(1)))])
    return fetch(`${url}/formulas`, { method: 'POST', headers, body, duplex: 'half' })
  }
  t.equal((await submit('k')).status, 200)
  const { bodies } = app.connections
  bodies.take(2 ** 30)
  t.match(await (await submit('k')).json(), { code: 'SERVICE_OVERLOADED' })
  bodies.give(2 ** 30)
  await until(async () => bodies.taken === 0)
})
