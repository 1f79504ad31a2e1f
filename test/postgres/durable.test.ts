import t from 'tap'
import { DEFAULT } from '../contract/leasing.ts'
import { formula, submission } from '../contract/submissions.ts'
import { contentsOf, openEngine } from '../support/postgres/engines.ts'
import { query, startPostgres } from '../support/postgres/server.ts'

const skip = Boolean(process.env.TEST_DATABASE_URL) && 'TEST_DATABASE_URL names a server that is not ours to crash'

/** A server that answers long before a commit is on disk, unless a transaction asks for more. */
const LAZY = { synchronous_commit: 'off', wal_writer_delay: '10s', autovacuum: 'off' }

t.test(
  'what was answered outlasts a crash also where the server answers before the disk has it',
  { skip },
  async (t) => {
    const server = await startPostgres({ inMemory: true, settings: LAZY })
    t.teardown(() => server.stop())
    const url = await server.createDatabase()
    const engine = await openEngine(t, url)
    await query(url, 'CREATE TABLE lazy (number int)')

    await t.test('one transaction', async (t) => {
      await engine.intake.accept(submission([formula('a')]))
      await server.restartImmediately()
      t.same(await contentsOf(engine), { formulas: ['a'], events: 1 })
    })

    await t.test('the steps of a saga', async (t) => {
      const { db, queue } = engine
      const verdict = await db.add('1', submission([formula('b', '2')]))
      const events = verdict.kind === 'added' ? verdict.events : []
      await queue.publish('1', events)
      await server.restartImmediately()
      const decision = await db.complete('1')
      await queue.release('1', decision.kind === 'completed' ? decision.events : [])
      await server.restartImmediately()
      t.same(await contentsOf(engine), { formulas: ['a', 'b'], events: 2 })
      t.equal(await queue.publish('1', events), true, 'the queue knows them')
      t.same(await contentsOf(engine), { formulas: ['a', 'b'], events: 2 })
    })

    await t.test('the decision to roll back', async (t) => {
      const { db } = engine
      await db.abandon('late', 'it failed')
      await server.restartImmediately()
      t.same(await db.add('late', submission([formula('c', '3')])), { kind: 'given-up' })
    })

    await t.test('leases, acks and nacks', async (t) => {
      const { queue } = engine
      const { events } = await queue.receive(DEFAULT, 2, 600_000)
      await server.restartImmediately()
      t.match(await queue.stats(DEFAULT), { ready: 0, leased: 2 }, 'nobody else is given what was leased')
      const [first = '', second = ''] = events.map(({ receipt }) => receipt)
      t.match(await queue.ack([first]), { accepted: 1 })
      await server.restartImmediately()
      t.match(await queue.stats(DEFAULT), { ready: 0, leased: 1 }, 'what was acknowledged never comes again')
      t.match(await queue.nack([second], 0), { accepted: 1 })
      await server.restartImmediately()
      t.match(await queue.stats(DEFAULT), { ready: 1, leased: 0 })
    })

    await t.test('as a control, this server does lose other commits', async (t) => {
      await query(url, 'INSERT INTO lazy VALUES (1)')
      await server.restartImmediately()
      t.same(await query(url, 'SELECT number FROM lazy'), [])
    })
  },
)
