import { test } from 'tap'
import { startGuarded } from '../support/http/keys.ts'
import { type Answer, errorOf, formula, startService } from '../support/http/service.ts'
import { newKey } from '../support/new-key.ts'
import { TestClock } from '../support/test-clock.ts'
import { until } from '../support/until.ts'

const TWO = { RATE_LIMIT_PER_MINUTE: '2' }

test('a caller gets 429 past its limit, until the minute is over', async (t) => {
  const clock = new TestClock()
  const { reader } = await startGuarded(t, TWO, { clock })
  for (const remaining of ['1', '0']) {
    const { statusCode, headers } = await reader.get('/formulas')
    t.equal(statusCode, 200)
    t.match(headers, { 'ratelimit-policy': '"default";q=2;w=60', ratelimit: `"default";r=${remaining};t=60` })
  }
  clock.advance(17_500)
  const refused = await reader.get('/formulas')
  errorOf(t, refused, 429, 'RATE_LIMITED')
  t.match(refused.headers, { 'retry-after': '43', ratelimit: '"default";r=0;t=43' })
  t.notMatch(Object.keys(refused.headers).join(), /x-ratelimit/)
  clock.advance(42_500)
  t.equal((await reader.get('/formulas')).statusCode, 200)
})

test('the minute is over in a minute though the clock was set back', async (t) => {
  const clock = new TestClock()
  const { reader } = await startGuarded(t, TWO, { clock })
  for (const _ of [1, 2]) await reader.get('/formulas')
  clock.advance(17_500)
  clock.setBack(3_600_000)
  const { statusCode, headers } = await reader.get('/formulas')
  t.match({ statusCode, wait: Number(headers['retry-after']) <= 60 }, { statusCode: 429, wait: true })
  clock.advance(60_000)
  t.equal((await reader.get('/formulas')).statusCode, 200)
})

test('the limit is that of the name: keys of one name share it, others have their own', async (t) => {
  const { path, app, as, admin } = await startGuarded(t, TWO)
  const [first, second] = [newKey(path, 'lab', 'read'), newKey(path, 'lab', 'read')]
  app.apiKeys?.reload()
  for (const secret of [first, second]) t.equal((await as(secret).get('/formulas')).statusCode, 200)
  for (const secret of [first, second]) t.equal((await as(secret).get('/formulas')).statusCode, 429)
  t.equal((await admin.get('/formulas')).statusCode, 200)
})

test('whatever a caller sends counts: what is wrong, forbidden or leads nowhere, and what is replayed', async (t) => {
  const { reader, submitter, consumer } = await startGuarded(t, TWO)
  for (const url of ['/nope', '/cleanups', '/formulas']) await reader.get(url)
  errorOf(t, await reader.get('/nope'), 429, 'RATE_LIMITED')
  for (const _ of [1, 2]) t.equal((await submitter.submit(formula(1), { key: 'k' })).statusCode, 200)
  const refused = await submitter.submit(formula(1), { key: 'k' })
  errorOf(t, refused, 429, 'RATE_LIMITED')
  for (const _ of [1, 2]) await consumer.post('/formulas')
  errorOf(t, await consumer.post('/events/receive'), 429, 'RATE_LIMITED')
})

test('a refused submission is not kept: its key may be used again', async (t) => {
  const clock = new TestClock()
  const { submitter } = await startGuarded(t, { RATE_LIMIT_PER_MINUTE: '1' }, { clock })
  await submitter.submit(formula(1))
  t.equal((await submitter.submit(formula(2), { key: 'k' })).statusCode, 429)
  clock.advance(60_000)
  const answer = await submitter.submit(formula(2), { key: 'k' })
  t.equal(answer.statusCode, 200)
  t.notOk('idempotent-replayed' in answer.headers)
})

test("requests without a key count against nobody's limit", async (t) => {
  const { get, reader } = await startGuarded(t, TWO)
  for (const _ of [1, 2, 3]) t.equal((await get('/formulas')).statusCode, 401)
  t.equal((await reader.get('/formulas')).statusCode, 200)
})

test('anonymous callers are told apart by address', async (t) => {
  const { send } = await startService(t, TWO)
  const from = async (remoteAddress: string) => (await send({ url: '/formulas', remoteAddress })).statusCode
  t.same([await from('10.0.0.1'), await from('10.0.0.1'), await from('10.0.0.1')], [200, 200, 429])
  t.equal(await from('10.0.0.2'), 200)
})

/** Sends long polls, and returns once all are waiting: each sets a timer, and their queue sets another one. */
async function waiting(clock: TestClock, polls: (() => Promise<Answer>)[]): Promise<Promise<Answer>[]> {
  const timers = clock.waiting
  const answers = polls.map((poll) => poll())
  await until(() => clock.waiting >= timers + polls.length)
  return answers
}

/** The maximum number of long polls of one caller. */
const full = (poll: (body: object) => Promise<Answer>) => Array(32).fill(() => poll({ waitSeconds: 20 }))

test('a caller may wait for events 32 times at once, then gets 429 until one of them ends', async (t) => {
  const clock = new TestClock()
  const { path, app, as, admin } = await startGuarded(t, {}, { clock })
  const [first, second] = [newKey(path, 'lab', 'consume'), newKey(path, 'lab', 'consume')]
  app.apiKeys?.reload()
  const receive = (secret: string) => (body: object) => as(secret).post('/events/receive', body)
  const poll = receive(first)
  const ends = await waiting(clock, full(poll))
  clock.advance(4500)
  const refused = await receive(second)({ waitSeconds: 1 })
  errorOf(t, refused, 429, 'RATE_LIMITED')
  t.equal(refused.headers['retry-after'], '16')
  clock.setBack(3_600_000)
  const later = await receive(second)({ waitSeconds: 1 })
  t.ok(Number(later.headers['retry-after']) <= 20, 'also while the clock is behind')
  t.equal((await receive(second)({})).statusCode, 200, 'without a wait it is answered')
  ends.push(...(await waiting(clock, [() => admin.post('/events/receive', { waitSeconds: 1 })])))
  clock.advance(15_500)
  t.match(await Promise.all(ends), Array(33).fill({ statusCode: 200 }))
  const again = await waiting(clock, [() => receive(second)({ waitSeconds: 1 })])
  clock.advance(1000)
  t.match(await Promise.all(again), [{ statusCode: 200 }])
})

test('without keys the waits of an address count', async (t) => {
  const clock = new TestClock()
  const { send } = await startService(t, {}, { clock })
  const from = (remoteAddress: string) => (payload: object) =>
    send({ method: 'POST', url: '/events/receive', payload, remoteAddress })
  const poll = from('10.0.0.1')
  const ends = await waiting(clock, full(poll))
  errorOf(t, await from('10.0.0.1')({ waitSeconds: 1 }), 429, 'RATE_LIMITED')
  ends.push(...(await waiting(clock, [() => from('10.0.0.2')({ waitSeconds: 1 })])))
  clock.advance(20_000)
  t.match(await Promise.all(ends), Array(33).fill({ statusCode: 200 }))
})

test('behind a proxy that is trusted, anonymous callers are told apart by the address it gives', async (t) => {
  const { send } = await startService(t, { ...TWO, TRUSTED_PROXIES: '10.0.0.1' })
  const from = async (remoteAddress: string, forwarded: string) =>
    (await send({ url: '/formulas', remoteAddress, headers: { 'x-forwarded-for': forwarded } })).statusCode
  for (const expected of [200, 200, 429]) t.equal(await from('10.0.0.1', '203.0.113.7'), expected)
  t.equal(await from('10.0.0.1', '203.0.113.8'), 200)
  t.equal(await from('10.0.0.1', '203.0.113.9, 203.0.113.7'), 429, 'an address that the caller made up does not help')
  for (const [forged, expected] of [
    ['1.1.1.1', 200],
    ['1.1.1.2', 200],
    ['1.1.1.3', 429],
  ] as const) {
    t.equal(await from('198.51.100.1', forged), expected, 'nor without the proxy')
  }
})

test('health has no limit', async (t) => {
  const { get } = await startService(t, TWO)
  for (const _ of [1, 2, 3]) t.equal((await get('/health/live')).statusCode, 200)
  t.match((await get('/formulas')).headers.ratelimit, /r=1;/)
})

test('without a limit no answer has rate-limit headers', async (t) => {
  const { get } = await startService(t)
  t.notMatch(Object.keys((await get('/formulas')).headers).join(), 'ratelimit')
})

test('a list that is refused as known counts for each of its formulas; a replay, and one that is added, for itself', async (t) => {
  const clock = new TestClock()
  const { submitter, reader } = await startGuarded(t, { RATE_LIMIT_PER_MINUTE: '10' }, { clock })
  const guesses = [1, 2, 3, 4, 5, 6].map((number) => formula(number))
  t.match((await submitter.submit(guesses.slice(0, 5))).headers.ratelimit, /r=9;/)
  const refused = await submitter.submit(guesses, { key: 'k' })
  t.match(refused, { statusCode: 409, headers: { ratelimit: /r=3;/ } })
  const again = await submitter.submit(guesses, { key: 'k' })
  t.match(again, { statusCode: 409, headers: { ratelimit: /r=2;/, 'idempotent-replayed': 'true' } })
  t.match(await submitter.submit(guesses), { statusCode: 409, headers: { ratelimit: /r=0;/ } })
  errorOf(t, await submitter.submit(formula(7)), 429, 'RATE_LIMITED')
  t.equal((await reader.get('/formulas')).statusCode, 200, 'others have their own')
  clock.advance(60_000)
  t.equal((await submitter.submit(formula(7))).statusCode, 200)
})
