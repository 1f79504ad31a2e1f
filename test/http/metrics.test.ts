import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { Intake, Standby, Stores } from '../../src/stores/ports.ts'
import { startGuarded } from '../support/http/keys.ts'
import { type Scraped, scrape } from '../support/http/scrape.ts'
import { type Client, formula, type Service, startService } from '../support/http/service.ts'
import { TestClock } from '../support/test-clock.ts'
import { memoryStores, overload, unavailable } from './fixtures.ts'

/** A service on stores in memory that a test may break, with a clock moved by hand. */
async function startOn(t: Test, change: (stores: Stores & { intake: Intake }) => void = () => {}) {
  const clock = new TestClock()
  const stores = memoryStores(clock, 1)
  change(stores)
  const service = await startService(t, {}, { clock, stores })
  return { ...service, clock, stores }
}

/** The number of submissions by outcome, without zeros. */
async function outcomes(client: Client): Promise<Record<string, number>> {
  const all = (await scrape(client)).series('intake_submissions_total')
  return Object.fromEntries(all.filter(({ value }) => value > 0).map(({ labels, value }) => [labels.outcome, value]))
}

const hang = () => new Promise<never>(() => {})

/** Lets time pass until a promise has settled. */
async function whileTimePasses<T>(clock: TestClock, promise: Promise<T>): Promise<T> {
  let settled = false
  const watched = promise.finally(() => {
    settled = true
  })
  while (!settled) {
    await new Promise((resolve) => setImmediate(resolve))
    clock.advance(100)
  }
  return watched
}

test('metrics come in the text format of Prometheus, to an admin alone, and nobody keeps them', async (t) => {
  const { admin, reader, get } = await startGuarded(t)
  const answer = await admin.get('/metrics')
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  t.equal(answer.headers['cache-control'], 'no-store')
  t.match(answer.body, /^# HELP \w+ .+\n# TYPE \w+ (?:counter|gauge|histogram)\n/)
  t.equal((await reader.get('/metrics')).statusCode, 403)
  t.equal((await get('/metrics')).statusCode, 401)
})

test('requests are counted and timed by method, route and status', async (t) => {
  const service = await startService(t)
  const { get, submit, send } = service
  await submit(formula(1))
  await submit(formula(2))
  await submit(formula(2))
  for (const id of ['a', 'b', 'c']) await get(`/formulas/${id}`)
  await get('/formulas/a?secret=1')
  await send({ method: 'HEAD', url: '/formulas' })
  const { value } = await scrape(service)
  const count = (method: string, route: string, status: number) =>
    value('http_request_duration_seconds_count', { method, route, status: String(status) })
  t.equal(count('POST', '/formulas', 200), 2)
  t.equal(count('POST', '/formulas', 409), 1)
  t.equal(count('GET', '/formulas/:id', 404), 3)
  t.equal(count('GET', '/formulas/:id', 400), 1)
  t.equal(count('HEAD', '/formulas', 200), 1)
})

test('requests that match no route share one label, and so do unusual methods', async (t) => {
  const service = await startService(t)
  for (let number = 0; number < 5; number++) await service.get(`/nope/${number}`)
  await service.send({ method: 'PUT', url: '/formulas' })
  await service.send({ method: 'PROPFIND' as 'PUT', url: '/formulas' })
  await service.get('/%zz')
  const { series } = await scrape(service)
  const counts = series('http_request_duration_seconds_count').map(({ labels, value }) => ({ ...labels, value }))
  t.same(counts, [
    { method: 'GET', route: 'none', status: '400', value: 1 },
    { method: 'GET', route: 'none', status: '404', value: 5 },
    { method: 'PUT', route: 'none', status: '405', value: 1 },
    { method: 'other', route: 'none', status: '405', value: 1 },
  ])
})

test('the buckets of requests grow up to their number, and their sum is the time they took', async (t) => {
  const { app, ...service } = await startService(t)
  for (const seconds of [0.0004, 0.0005, 0.02, 12, 31]) app.metrics.requests.observe('GET', '/x', 200, seconds)
  const { series, value } = await scrape(service as Service)
  const of = { method: 'GET', route: '/x', status: '200' }
  const upTo = (le: string) => value('http_request_duration_seconds_bucket', { ...of, le })
  t.same(
    [upTo('0.0005'), upTo('0.01'), upTo('0.025'), upTo('10'), upTo('20'), upTo('30'), upTo('+Inf')],
    [2, 2, 3, 3, 4, 4, 5],
  )
  t.equal(value('http_request_duration_seconds_count', of), 5)
  t.equal(value('http_request_duration_seconds_sum', of), 0.0004 + 0.0005 + 0.02 + 12 + 31)
  const buckets = series('http_request_duration_seconds_bucket').filter(({ labels }) => labels.route === '/x')
  t.equal(buckets.length, 17)
})

test('each submission counts once, by what became of it', async (t) => {
  const service = await startService(t)
  const { submit, send } = service
  await submit(formula(1), { key: 'a' })
  await submit([formula(2), formula(3)], { key: 'b' })
  await submit(formula(1), { key: 'c' })
  for (let repeat = 0; repeat < 3; repeat++) await submit(formula(1), { key: 'a' })
  await submit({ ...formula(1), materials: formula(1).materials.toReversed() }, { key: 'a' })
  await submit(formula(9), { key: 'a' })
  await submit('{ no JSON')
  await submit({ name: 'x' })
  await send({ method: 'POST', url: '/formulas', payload: formula(1) })
  t.same(await outcomes(service), { added: 2, exists: 1, replayed: 4, reused: 1, invalid: 3 })
  t.equal((await scrape(service)).value('intake_formulas_added_total'), 3)
})

test('callers who may not submit count as refused', async (t) => {
  const { submit, reader, submitter, admin } = await startGuarded(t)
  await submit(formula(1))
  await reader.submit(formula(1))
  await submitter.submit(formula(1))
  t.same(await outcomes(admin), { added: 1, invalid: 2 })
})

test('of a list whose duplicates are skipped those are counted that were added', async (t) => {
  const service = await startService(t)
  const { submit } = service
  await submit(formula(1))
  const tricky = { ...formula(2), name: 'a","outcome":"duplicate"}' }
  await submit([formula(1), tricky, tricky, formula(3)], { query: '?onDuplicate=skip' })
  t.equal((await scrape(service)).value('intake_formulas_added_total'), 3)
})

test('a submission that fails counts as failed, with its retries and its rollback', async (t) => {
  const service = await startOn(t, ({ intake }) => {
    intake.accept = unavailable
  })
  const answer = await whileTimePasses(service.clock, service.submit(formula(1)))
  t.equal(answer.statusCode, 503)
  const { value } = await scrape(service)
  t.same(await outcomes(service), { failed: 1 })
  t.equal(value('intake_submission_retries_total'), 2)
  t.equal(value('intake_rollbacks_total', { result: 'done' }), 1)
  t.equal(value('intake_rollbacks_total', { result: 'interrupted' }), 0)
  t.equal(value('intake_formulas_added_total'), 0)
})

test('a rollback that is interrupted counts, and is owed until it is done', async (t) => {
  const service = await startOn(t, ({ intake }) => Object.assign(intake, { accept: unavailable, giveUp: unavailable }))
  const { clock, stores } = service
  await whileTimePasses(clock, service.submit(formula(1)))
  const owed = await scrape(service)
  t.equal(owed.value('intake_rollbacks_total', { result: 'interrupted' }), 1)
  t.equal(owed.value('intake_cleanups_owed'), 1)
  stores.intake.giveUp = async () => {}
  let now: Scraped
  do {
    clock.advance(1_000)
    now = await scrape(service)
  } while (now.value('intake_cleanups_owed') !== 0)
  t.equal(now.value('intake_rollbacks_total', { result: 'done' }), 1)
})

test('submissions that time out on their key, are shed or meet a closing service have outcomes of their own', async (t) => {
  const service = await startOn(t, ({ intake }) => {
    intake.accept = hang
  })
  const { app, clock, submit } = service
  const first = submit(formula(1), { key: 'k' })
  while (app.orchestrator.load.submissions === 0) await new Promise((resolve) => setImmediate(resolve))
  t.equal((await whileTimePasses(clock, submit(formula(1), { key: 'k' }))).statusCode, 409)
  overload(app)
  t.equal((await submit(formula(2))).statusCode, 503)
  Reflect.deleteProperty(app.orchestrator, 'load')
  app.orchestrator.stop()
  t.equal((await submit(formula(3))).statusCode, 503)
  t.match(await outcomes(service), { in_use: 1, overloaded: 1, stopping: 1 })
  const { value } = await scrape(service)
  const refused = { method: 'POST', route: '/formulas', status: '503' }
  t.equal(value('http_request_duration_seconds_count', refused), 2, 'the one that was shed among them')
  await whileTimePasses(clock, first)
})

test('a store that hangs or fails is down and holds up no scrape; of its contents nothing is said', async (t) => {
  for (const failing of [hang, unavailable]) {
    let standbys: () => Promise<Standby[]> = async () => []
    const service = await startOn(t, (stores) => {
      stores.standbys = () => standbys()
    })
    const { clock, stores } = service
    t.equal((await scrape(service)).value('intake_store_up', { store: 'queue' }), 1)
    clock.advance(1_000)
    Object.assign(stores.queue, { subscriptions: failing, probe: failing })
    stores.cleanups.list = failing
    standbys = failing
    const begun = clock.now()
    const { value, names } = await whileTimePasses(clock, scrape(service))
    t.ok(clock.now() - begun <= 2_500)
    t.equal(value('intake_store_up', { store: 'queue' }), 0)
    t.equal(value('intake_store_up', { store: 'db' }), 1)
    t.equal(value('intake_queue_events', { subscription: 'default', state: 'ready' }), undefined)
    t.equal(value('intake_queue_oldest_ready_age_seconds', { subscription: 'default' }), undefined)
    t.equal(value('intake_cleanups_owed'), undefined)
    t.notOk(names().some((name) => name.startsWith('intake_postgres')))
    t.ok(names().includes('intake_submissions_total'), 'all else is there')
  }
})

test('scrapes that come together ask the stores once', async (t) => {
  const asked = { subscriptions: 0, cleanups: 0 }
  const service = await startOn(t, ({ queue, cleanups }) => {
    const [subscriptions, list] = [queue.subscriptions.bind(queue), cleanups.list.bind(cleanups)]
    queue.subscriptions = () => {
      asked.subscriptions++
      return subscriptions()
    }
    cleanups.list = (limit) => {
      asked.cleanups++
      return list(limit)
    }
  })
  await Promise.all(Array.from({ length: 20 }, () => scrape(service)))
  t.same(asked, { subscriptions: 1, cleanups: 1 })
  await scrape(service)
  t.same(asked, { subscriptions: 2, cleanups: 2 })
})

test('the batches of a file are measured: how many submissions, and how long', async (t) => {
  const service = await startService(t, { DATABASE_URL: `sqlite:${join(t.testdir(), 'a.db')}` })
  const { submit, post } = service
  await post('/events/receive')
  t.equal((await scrape(service)).value('intake_batch_size_count'), 0, 'events alone are none')
  await Promise.all(Array.from({ length: 40 }, (_, number) => submit(formula(number + 1))))
  const { value } = await scrape(service)
  const batches = value('intake_batch_size_count') ?? 0
  t.equal(value('intake_batch_size_sum'), 40)
  t.ok(batches > 0 && batches < 40, `${batches} batches`)
  t.equal(value('intake_commit_duration_seconds_count'), batches)
  const seconds = value('intake_commit_duration_seconds_sum') ?? 0
  t.ok(seconds > 0 && seconds < 40, `${seconds} s`)
})

test('a saga is measured as well, by its first step', async (t) => {
  const folder = t.testdir()
  const at = (name: string) => `sqlite:${join(folder, name)}`
  const service = await startService(t, { DATABASE_URL: at('a.db'), QUEUE_URL: at('b.db') })
  await service.submit(formula(1))
  const { value } = await scrape(service)
  t.equal(value('intake_batch_size_sum'), 1)
  t.equal(value('intake_formulas_added_total'), 1)
})

test('the process reports its event loop, memory and CPU time', async (t) => {
  const { value } = await scrape(await startService(t))
  for (const name of ['nodejs_eventloop_lag_p99_seconds', 'process_resident_memory_bytes', 'process_cpu_seconds_total'])
    t.type(value(name), 'number', name)
})

test('two apps of a process count for themselves', async (t) => {
  const [one, other] = [await startService(t), await startService(t)]
  await one.submit(formula(1))
  t.equal((await scrape(one)).value('intake_formulas_added_total'), 1)
  t.equal((await scrape(other)).value('intake_formulas_added_total'), 0)
})

test('formulas of lists that are refused as known are counted by caller, replays apart', async (t) => {
  const { submitter, admin } = await startGuarded(t)
  await submitter.submit(formula(1))
  for (const _ of [1, 2]) await submitter.submit([formula(1), formula(2), formula(3)], { key: 'k' })
  const { value } = await scrape(admin)
  t.equal(value('intake_formulas_refused_total', { caller: 'submit' }), 3)
})

test('the metrics say when the file of API keys cannot be taken', async (t) => {
  const { path, app, admin } = await startGuarded(t)
  const stale = async () => (await scrape(admin)).value('intake_api_keys_stale')
  t.equal(await stale(), 0)
  const whole = readFileSync(path, 'utf8')
  for (const [text, expected] of [
    ['{', 1],
    [whole, 0],
  ] as const) {
    writeFileSync(path, text)
    app.apiKeys?.reload()
    t.equal(await stale(), expected)
  }
})
