import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import pg from 'pg'
import t, { type Test } from 'tap'
import { slotOf } from '../../src/stores/postgres/member.ts'
import { lease, namesOf, receiptsOf } from '../contract/leasing.ts'
import { answerOf, formula, submission, TRACEPARENT } from '../contract/submissions.ts'
import { contentsOf, openEngine } from './engines.ts'
import { query, startPostgres } from './server.ts'

const server = await startPostgres({ durable: false })
t.teardown(() => server.stop())

const SCHEMA_1 = readFileSync(new URL('schema-1.sql', import.meta.url), 'utf8')

/** A database as the first version made it, and what an instance of that version sends to it. */
async function oldDatabase(t: Test) {
  const url = await server.createDatabase()
  await query(url, SCHEMA_1)
  return {
    url,
    open: () => openEngine(t, url),
    /** Stores a formula with its event. */
    async write(concentration: string): Promise<void> {
      const { id, name } = formula('old', concentration)
      const key = `key-${concentration}`
      const marks = Array.from({ length: 19 }, (_, index) => `$${index + 1}`)
      const values = [
        ...[null, randomUUID(), 86_400_000, 5_000],
        ...[[slotOf('', key)], [''], [key], ['00'], [randomUUID()], [null], [200], [null], ['{}']],
        ...[[1], [id], [name], [name], ['[]'], [Date.now()]],
      ]
      t.same(await query(url, `SELECT formula_intake.write(${marks}) AS refused`, values), [{ refused: [] }])
    },
    async receive(): Promise<unknown[]> {
      return query(url, 'SELECT name, receives FROM formula_intake.receive(NULL, 100, 30000, 5, 0, 0)')
    },
  }
}

t.test('a database of before is brought up: its events go on, and those that come tell their trace', async (t) => {
  const old = await oldDatabase(t)
  await old.write('1')
  const { intake, db, queue } = await old.open()
  t.match(await contentsOf({ db, queue }), { formulas: ['old'], events: 1 })
  answerOf(await intake.accept(submission([formula('new', '2')], { traceparent: TRACEPARENT })))
  t.equal(answerOf(await intake.accept(submission([formula('again', '1')]))).status, 409)
  const leased = await lease(queue)
  t.match(leased, [{ name: 'old' }, { name: 'new', traceparent: TRACEPARENT }])
  t.notOk('traceparent' in (leased[0] ?? {}))
  t.match(await queue.nack(receiptsOf(leased), 0), { accepted: 2 })
})

t.test('an instance of before goes on beside one that has brought the database up', async (t) => {
  const old = await oldDatabase(t)
  const { intake, queue } = await old.open()
  await old.write('1')
  t.equal(namesOf(await lease(queue)), 'old')
  await intake.accept(submission([formula('new', '2')], { traceparent: TRACEPARENT }))
  await old.write('3')
  t.same(await old.receive(), [
    { name: 'new', receives: 1 },
    { name: 'old', receives: 1 },
  ])
  t.match(await queue.stats(), { ready: 0, leased: 3 })
})

t.test('a dump that reads for long is not waited for: the start fails, and instances of before go on', async (t) => {
  const old = await oldDatabase(t)
  const dump = new pg.Client({ connectionString: old.url })
  await dump.connect()
  t.teardown(() => dump.end())
  await dump.query('BEGIN; LOCK TABLE formula_intake.dead IN ACCESS SHARE MODE')
  await t.rejects(old.open(), { name: 'StoreUnavailable', message: /lock timeout/ })
  await old.write('1')
  t.same(await query(old.url, 'SELECT version FROM formula_intake.version'), [{ version: 1 }])
  await dump.query('COMMIT')
  const { queue } = await old.open()
  t.equal(namesOf(await lease(queue)), 'old')
})
