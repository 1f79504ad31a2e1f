import t, { type Test } from 'tap'
import { findInstalled } from '../support/postgres/binaries.ts'
import { Cluster } from '../support/postgres/cluster.ts'
import { HAPROXY, startHaproxy } from '../support/postgres/haproxy.ts'
import { missing } from '../support/postgres/proxy-process.ts'
import { changeSetting, query, urlAt } from '../support/postgres/server.ts'
import { promote, STANDBYS, startStandby } from '../support/postgres/standby.ts'
import { contentsOf } from '../support/restored.ts'
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
