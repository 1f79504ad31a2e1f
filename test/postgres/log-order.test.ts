import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import type { DurableStores, EventQueue, LeasedEvent } from '../../src/stores/ports.ts'
import { DEFAULT, lease, namesOf } from '../contract/leasing.ts'
import { answerOf, formula, submission } from '../contract/submissions.ts'
import { openEngine } from '../support/postgres/engines.ts'
import { query, startPostgres } from '../support/postgres/server.ts'

const server = await startPostgres({ durable: false })
t.teardown(() => server.stop())

const pick = async (url: string, statement: string): Promise<unknown> =>
  Object.values((await query<Record<string, unknown>>(url, statement))[0] ?? {})[0]

/** Two instances on a database with this default isolation level. */
async function instances(t: Test, isolation: string) {
  const url = await server.createDatabase()
  const name = new URL(url).pathname.slice(1)
  await query(server.url(), `ALTER DATABASE ${name} SET default_transaction_isolation = '${isolation}'`)
  const [one, two] = [await openEngine(t, url), await openEngine(t, url)]
  return { url, one, two }
}

/**
 * Stops a transaction at the end of the statement that inserts a row which meets a condition.
 * @returns functions that wait until a transaction has stopped there, and let it continue
 */
async function stopAt(t: Test, url: string, table: string, condition: string) {
  const holder = new pg.Client({ connectionString: url })
  await holder.connect()
  t.teardown(() => holder.end())
  await holder.query('SELECT pg_advisory_lock(1)')
  await query(
    url,
    `CREATE FUNCTION public.stop() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN PERFORM pg_catalog.pg_advisory_xact_lock(1); RETURN NULL; END $$;
     CREATE TRIGGER stop AFTER INSERT ON formula_intake.${table} FOR EACH ROW WHEN (${condition})
       EXECUTE FUNCTION public.stop()`,
  )
  const waiting = `SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 1`
  return {
    async untilStopped(): Promise<void> {
      while ((await pick(url, waiting)) === 0) await pause(2)
    },
    goOn: () => holder.query('SELECT pg_advisory_unlock(1)'),
  }
}

let made = 0
/** Stores formulas of these names in one submission. */
const accept = (stores: DurableStores, ...names: string[]) =>
  stores.intake.accept(submission(names.map((name) => formula(name, `${++made}`))))

/** Receives at all instances at once until each of them has found nothing several times. */
async function receiveAll(queues: EventQueue[], rounds = 5): Promise<LeasedEvent[]> {
  const events: LeasedEvent[] = []
  const receive = async (queue: EventQueue): Promise<void> => {
    for (let empty = 0; empty < rounds; ) {
      const batch = await lease(queue, 2)
      events.push(...batch)
      empty = batch.length === 0 ? empty + 1 : 0
    }
  }
  await Promise.all(queues.flatMap((queue) => [receive(queue), receive(queue)]))
  return events
}

const namesIn = (events: LeasedEvent[]): string[] => events.map((event) => namesOf([event])).sort()

/** The names of all events by position; fails where a position is missing. */
async function logOf(t: Test, url: string): Promise<string[]> {
  const rows = await query<{ position: string; body: string }>(
    url,
    'SELECT position, body FROM formula_intake.events ORDER BY position',
  )
  t.same(
    rows.map(({ position }) => Number(position)),
    rows.map((_, index) => index + 1),
    'positions have no gaps',
  )
  t.equal(await pick(url, 'SELECT head::int FROM formula_intake.log'), rows.length)
  return rows.map(({ body }) => JSON.parse(body).name)
}

for (const isolation of ['read committed', 'repeatable read', 'serializable']) {
  t.test(`${isolation}: events with positions whose transaction is not committed are not skipped`, async (t) => {
    const { url, one, two } = await instances(t, isolation)
    const stop = await stopAt(t, url, 'events', `NEW.body LIKE '%slow%'`)
    const slow = accept(one, 'slow', 'slow too')
    await stop.untilStopped()
    const quick = [accept(two, 'a'), accept(one, 'b'), accept(two, 'c')]
    await pause(50)
    t.same(namesIn(await receiveAll([one.queue, two.queue])), [], 'those behind it wait for its commit')
    await stop.goOn()
    await Promise.all([slow, ...quick])
    const log = await logOf(t, url)
    t.same(log.slice(0, 2), ['slow', 'slow too'])
    t.same(namesIn(await receiveAll([one.queue, two.queue])), log.toSorted())
  })

  t.test(`${isolation}: a transaction that has no positions yet is neither waited for nor skipped`, async (t) => {
    const { url, one, two } = await instances(t, isolation)
    const stop = await stopAt(t, url, 'formulas', `NEW.search = 'slow'`)
    const slow = accept(one, 'slow', 'slow too')
    await stop.untilStopped()
    for (const name of 'abc') await accept(two, name)
    t.same(namesIn(await receiveAll([one.queue, two.queue])), ['a', 'b', 'c'])
    await stop.goOn()
    t.equal(answerOf(await slow).status, 200)
    await accept(two, 'd')
    t.same(await logOf(t, url), ['a', 'b', 'c', 'slow', 'slow too', 'd'])
    t.same(namesIn(await receiveAll([one.queue, two.queue])), ['d', 'slow', 'slow too'])
    t.match(await one.queue.stats(DEFAULT), { ready: 0, leased: 6 })
  })

  t.test(`${isolation}: events leased by an uncommitted transaction are given to nobody else`, async (t) => {
    const { url, one, two } = await instances(t, isolation)
    await accept(one, 'a', 'b', 'c', 'd')
    const stop = await stopAt(t, url, 'deliveries', 'NEW.position = 1')
    const first = lease(one.queue, 2)
    await stop.untilStopped()
    const second = lease(two.queue, 2)
    await accept(two, 'e')
    await pause(50)
    await stop.goOn()
    t.same(namesIn(await first), ['a', 'b'])
    t.same(namesIn(await second), ['c', 'd'])
    t.same(namesIn(await receiveAll([one.queue, two.queue])), ['e'])
  })

  t.test(`${isolation}: under many writers, receivers get each event once`, async (t) => {
    const { url, one, two } = await instances(t, isolation)
    let isDone = false
    const events: LeasedEvent[] = []
    const receivers = [one, two, one, two].map(async ({ queue }) => {
      for (let empty = 0; !isDone || empty < 3; ) {
        const batch = await lease(queue, 3)
        events.push(...batch)
        empty = batch.length === 0 ? empty + 1 : 0
      }
    })
    const writers = [one, two, one, two].map(async (stores, writer) => {
      for (let round = 0; round < 15; round++) {
        const names = Array.from({ length: 1 + (round % 3) }, (_, n) => `${writer}.${round}.${n}`)
        await accept(stores, ...names)
      }
    })
    await Promise.all(writers)
    isDone = true
    await Promise.all(receivers)
    t.same(namesIn(events), (await logOf(t, url)).toSorted())
    t.equal(events.length, 120)
    t.ok(events.every(({ receiveCount }) => receiveCount === 1))
  })
}

t.test('a default isolation level that is changed while the service runs does no harm', async (t) => {
  const { url, one } = await instances(t, 'read committed')
  await accept(one, 'a')
  const name = new URL(url).pathname.slice(1)
  await query(server.url(), `ALTER DATABASE ${name} SET default_transaction_isolation = serializable`)
  await query(
    url,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'formula-intake'
    AND datname = current_database()`,
  )
  await pause(50)
  t.same(namesIn(await lease(one.queue)), ['a'])
  t.equal(answerOf(await accept(one, 'b')).status, 200)
  t.same(await logOf(t, url), ['a', 'b'])
})
