import t, { type Test } from 'tap'
import { OWNER_LEASE_MS } from '../../src/stores/ports.ts'
import { storesContract } from '../contract/stores.ts'
import { findInstalled } from '../support/postgres/binaries.ts'
import { Cluster } from '../support/postgres/cluster.ts'
import { HAPROXY, startHaproxy } from '../support/postgres/haproxy.ts'
import { PGBOUNCER, startPgBouncer } from '../support/postgres/pgbouncer.ts'
import { missing } from '../support/postgres/proxy-process.ts'
import { reuseEngine } from '../support/postgres/reused-engine.ts'
import { changeSetting, query, startPostgres, urlAt } from '../support/postgres/server.ts'
import { promote, STANDBYS, startStandby } from '../support/postgres/standby.ts'
import { contentsOf, type Leased } from '../support/restored.ts'
import { call, formula, post, startService } from '../support/service-process.ts'
import { until } from '../support/until.ts'

const STRATEGIES = ['one transaction', 'saga'] as const
type Strategy = (typeof STRATEGIES)[number]

const isSaga = (strategy: Strategy): boolean => strategy === 'saga'

/** Takes a formula in, however often its submission has to be repeated. @returns the answer's body */
async function takeIn(url: string, number: number): Promise<string> {
  for (;;) {
    const answer = await post(url, `key-${number}`, formula(number))
    const body = await answer.text()
    if (answer.status === 200) return body
    if (answer.status !== 503) throw new Error(`Formula ${number}: ${answer.status} ${body}`)
  }
}

const idsIn = (body: string): string[] => JSON.parse(body).formulas.map(({ id }: { id: string }) => id)

// HAProxy: one address, which leads to the primary.

const withoutHaproxy = missing(HAPROXY)
const CLIENTS = 16
/** No power fails here, so nothing is synced. */
const UNSYNCED = { fsync: 'off', full_page_writes: 'off' }
/** Enough attempts for a submission to go on until there is another primary. */
const PATIENT = { SUBMIT_RETRIES: '20', SUBMIT_RETRY_BASE_MS: '100', SUBMIT_RETRY_MAX_MS: '1000' }

const WAITING = `SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep'`
const ANSWERS = 'SELECT FROM formula_intake.answers'

/** A service that knows one address. It leads to a primary whose commits wait for its standby. */
async function behindHaproxy(t: Test, strategy: Strategy = 'one transaction') {
  const binaries = findInstalled()
  const primary = await Cluster.start(UNSYNCED, 'C', true, binaries)
  t.teardown(() => primary.remove())
  const standby = await startStandby(primary, 'standby', binaries)
  t.teardown(() => standby.remove())
  const [old, next] = [urlAt(primary.port), urlAt(standby.port)]
  await query(old, 'CREATE DATABASE events')
  await changeSetting(old, STANDBYS, 'standby')
  const haproxy = await startHaproxy(t, [primary.port, standby.port])
  const [DATABASE_URL, events] = [urlAt(haproxy.port), urlAt(haproxy.port, 'events')]
  t.testdir()
  const { url } = await startService(t, {
    DATABASE_URL,
    QUEUE_URL: isSaga(strategy) ? events : DATABASE_URL,
    ...PATIENT,
  })
  const switchOver = async (): Promise<void> => {
    await promote(next)
    haproxy.primary = standby.port
  }
  return { url, primary, standby, old, next, switchOver }
}

/** Clients that submit until they are stopped. */
function load(url: string) {
  const answered = new Map<number, string>()
  let [last, isStopped] = [0, false]
  const client = async (): Promise<void> => {
    while (!isStopped) {
      const number = ++last
      answered.set(number, await takeIn(url, number))
    }
  }
  const all = Promise.all(Array.from({ length: CLIENTS }, client)).finally(() => {
    isStopped = true
  })
  return {
    answered,
    async more(count: number): Promise<void> {
      const wanted = answered.size + count
      await until(() => isStopped || answered.size >= wanted)
    },
    async stop(): Promise<void> {
      isStopped = true
      await all
    },
  }
}

/** Checks that each answer is repeated, and that its formula and its event are there once, and nothing else is. */
async function checkAnswered(t: Test, url: string, answered: Map<number, string>): Promise<void> {
  const repeated = new Map<number, string>()
  for (const number of answered.keys()) {
    const replay = await post(url, `key-${number}`, formula(number))
    if (replay.headers.has('idempotent-replayed')) repeated.set(number, await replay.text())
  }
  t.same(repeated, answered, 'every answer is repeated')
  // The events of a saga follow its formulas.
  await until(async () => (await call<{ ready: number }>(url, '/events/stats')).ready >= answered.size)
  const { formulas, events } = await contentsOf(url)
  const ids = [...answered.values()].flatMap(idsIn).sort()
  t.same(formulas.map(({ id }) => id).sort(), ids, 'formulas')
  t.same(events.map(({ id }) => id).sort(), ids, 'events')
}

for (const strategy of STRATEGIES) {
  for (const event of ['dies', 'is replaced while it works']) {
    t.test(
      `HAProxy, ${strategy}: a primary ${event}, submissions go on at the next, and no answer is lost`,
      { skip: withoutHaproxy },
      async (t) => {
        const { url, primary, switchOver } = await behindHaproxy(t, strategy)
        const { answered, more, stop } = load(url)
        await more(50)
        if (event === 'dies') await primary.crash()
        await switchOver()
        await more(100)
        await stop()
        await checkAnswered(t, url, answered)
      },
    )
  }
}

t.test(
  'HAProxy: a commit that the switch cuts off after the standby has it is answered, and stored once',
  { skip: withoutHaproxy },
  async (t) => {
    const { url, old, next, switchOver } = await behindHaproxy(t)
    await changeSetting(old, STANDBYS, 'nobody')
    const answer = takeIn(url, 1)
    await until(async () => (await query(old, WAITING)).length > 0)
    await until(async () => (await query(next, ANSWERS)).length > 0)
    await switchOver()
    await checkAnswered(t, url, new Map([[1, await answer]]))
  },
)

t.test(
  'HAProxy: a commit that only the old primary has is made anew at the next before it is answered',
  { skip: withoutHaproxy },
  async (t) => {
    const { url, primary, standby, old, switchOver } = await behindHaproxy(t)
    await standby.crash()
    const answer = takeIn(url, 1)
    await until(async () => (await query(old, WAITING)).length > 0)
    await primary.crash()
    await standby.start()
    await switchOver()
    await checkAnswered(t, url, new Map([[1, await answer]]))
    await primary.start()
    t.equal((await query(old, ANSWERS)).length, 1, 'the old primary has committed it')
  },
)

// PgBouncer in transaction mode: clients share connections to the server.

const withoutPgBouncer = missing(PGBOUNCER)

if (withoutPgBouncer) t.pass('PgBouncer: the contract of all stores', { skip: withoutPgBouncer })
else {
  const { open } = await reuseEngine(t, { through: (url) => startPgBouncer(t, url) })
  storesContract('PgBouncer', open, OWNER_LEASE_MS)
}

const SESSIONS = `
SELECT FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`

/** Two instances that share two connections to each database. */
async function behindPgBouncer(t: Test, strategy: Strategy) {
  const server = await startPostgres({ durable: false })
  t.teardown(() => server.stop())
  const databases = [await server.createDatabase(), await server.createDatabase()]
  const through = await startPgBouncer(t, server.url())
  const [DATABASE_URL = '', events = ''] = databases.map((url) => String(new URL(new URL(url).pathname, through)))
  t.testdir()
  const environment = { DATABASE_URL, QUEUE_URL: isSaga(strategy) ? events : DATABASE_URL }
  const [one, two] = [await startService(t, environment), await startService(t, environment)]
  return { one: one.url, two: two.url, sessions: () => query(databases[0] as string, SESSIONS) }
}

/** Submits formulas one by one, and as many in lists of 20, at two instances. @returns the answers */
async function submitAtOnce(one: string, two: string): Promise<{ key: string; sent: unknown; body: string }[]> {
  const numbers = Array.from({ length: 100 }, (_, index) => index + 1)
  const lists = [200, 220, 240, 260, 280].map((first) => numbers.slice(0, 20).map((number) => formula(first + number)))
  const sent = [...numbers.map((number) => formula(number)), ...lists]
  return Promise.all(
    sent.map(async (sent, index) => {
      const answer = await post(index % 2 === 0 ? one : two, `key-${index}`, sent)
      return { key: `key-${index}`, sent, body: await answer.text() }
    }),
  )
}

/** Leases at one instance, and settles at the other, until no event is left. @returns the ids of acknowledged events */
async function consume(t: Test, one: string, two: string): Promise<string[]> {
  const settled: string[] = []
  const receive = async () => (await call<Leased>(one, '/events/receive', { max: 100 })).events
  const receiptsOf = (events: Leased['events']) => events.map(({ receipt }) => receipt)
  const given = await receive()
  const [back, kept] = [given.slice(0, 10), given.slice(10)]
  t.match(await call(two, '/events/nack', { receipts: receiptsOf(back) }), { nacked: 10, rejected: [] })
  t.match(await call(two, '/events/extend', { receipts: receiptsOf(kept), leaseSeconds: 60 }), { extended: 90 })
  for (let events = kept; events.length > 0; events = await receive()) {
    t.match(await call(two, '/events/ack', { receipts: receiptsOf(events) }), { acked: events.length })
    settled.push(...events.map(({ id }) => id))
  }
  return settled
}

for (const strategy of STRATEGIES) {
  t.test(
    `PgBouncer, ${strategy}: two instances share two connections, and take in, replay, list and deliver everything`,
    { skip: withoutPgBouncer },
    async (t) => {
      const { one, two, sessions } = await behindPgBouncer(t, strategy)
      const waiting = call<Leased>(two, '/events/receive', { waitSeconds: 20 })
      const [alone = ''] = idsIn(await takeIn(one, 1_000))
      const { events } = await waiting
      t.match(events, [{ id: alone }], 'a consumer that waits at the other instance gets it')
      t.match(await call(one, '/events/ack', { receipts: events.map(({ receipt }) => receipt) }), { acked: 1 })

      const answers = await submitAtOnce(one, two)
      for (const [index, { key, sent, body }] of answers.entries()) {
        const replay = await post(index % 2 === 0 ? two : one, key, sent)
        t.same([replay.headers.get('idempotent-replayed'), await replay.text()], ['true', body], key)
      }
      const ids = answers.flatMap(({ body }) => idsIn(body)).sort()
      t.equal(ids.length, 200)
      const { formulas } = await call<{ formulas: { id: string }[] }>(two, '/formulas?limit=200')
      t.same(formulas.map(({ id }) => id).sort(), ids)
      await until(async () => (await call<{ ready: number }>(one, '/events/stats')).ready === 200)
      t.same((await consume(t, one, two)).sort(), ids)
      t.equal((await sessions()).length, 2)
    },
  )
}

/** What stays in a session; PgBouncer itself sets these settings, for each client again. */
const LEFT = `
SELECT name AS left FROM pg_prepared_statements
UNION ALL SELECT pg_listening_channels()
UNION ALL SELECT locktype FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'
UNION ALL SELECT name FROM pg_settings WHERE source = 'session'
  AND name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'standard_conforming_strings', 'TimeZone')`

t.test(
  'PgBouncer: nothing stays in a session that the next client gets, not even a listener',
  { skip: withoutPgBouncer },
  async (t) => {
    const server = await startPostgres({ durable: false })
    t.teardown(() => server.stop())
    const through = await startPgBouncer(t, await server.createDatabase(), 1)
    t.testdir()
    const { url } = await startService(t, { DATABASE_URL: through })
    const waiting = call<Leased>(url, '/events/receive', { waitSeconds: 20 })
    for (let number = 1; number <= 20; number++) await takeIn(url, number)
    t.match(await call(url, '/formulas?q=formula'), { formulas: { length: 20 } })
    t.match(await waiting, { events: { length: 1 } })
    t.same(await query(through, LEFT), [])
  },
)
