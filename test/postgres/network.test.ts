import pg from 'pg'
import t, { type Test } from 'tap'
import { Network } from '../support/postgres/network.ts'
import { query, startPostgres } from '../support/postgres/server.ts'

const server = await startPostgres({ durable: false })
t.teardown(() => server.stop())

async function setUp(t: Test) {
  const url = await server.createDatabase()
  await query(url, 'CREATE TABLE kept (number int)')
  const network = await Network.start(t, url)
  const numbers = () => query(url, 'SELECT number FROM kept')
  return { network, insert: () => query(network.url, 'INSERT INTO kept VALUES ($1)', [1]), numbers }
}

t.test('without a fault, statements get through', async (t) => {
  const { network, insert, numbers } = await setUp(t)
  await insert()
  t.same(await query(network.url, 'SELECT number FROM kept'), [{ number: 1 }])
  t.same(await numbers(), [{ number: 1 }])
  t.equal(network.statements, 2)
})

t.test('a statement that is cut off before never takes effect', async (t) => {
  const { network, insert, numbers } = await setUp(t)
  network.first(/INSERT/, 'before')
  await t.rejects(insert())
  t.same(await numbers(), [])
  await insert()
  t.same(await numbers(), [{ number: 1 }])
})

t.test('a statement that is cut off after has taken effect', async (t) => {
  const { network, insert, numbers } = await setUp(t)
  network.first(/INSERT/, 'after')
  await t.rejects(insert())
  t.same(await numbers(), [{ number: 1 }])
})

t.test('a late statement takes effect when it is released', async (t) => {
  const { network, insert, numbers } = await setUp(t)
  network.first(/INSERT/, 'late')
  await t.rejects(insert())
  t.same(await numbers(), [])
  t.equal(await network.release(), 1)
  t.same(await numbers(), [{ number: 1 }])
  t.equal(await network.release(), 0)
})

t.test('a COMMIT can be late as well', async (t) => {
  const { network, numbers } = await setUp(t)
  const client = new pg.Client({ connectionString: network.url })
  client.on('error', () => {})
  await client.connect()
  await client.query('BEGIN')
  await client.query('INSERT INTO kept VALUES (1)')
  network.first(/^COMMIT$/, 'late')
  await t.rejects(client.query('COMMIT'))
  t.same(await numbers(), [])
  await network.release()
  t.same(await numbers(), [{ number: 1 }])
})

t.test('nobody gets through while it is down', async (t) => {
  const { network, insert, numbers } = await setUp(t)
  network.setDown(true)
  await t.rejects(insert())
  network.setDown(false)
  await insert()
  t.same(await numbers(), [{ number: 1 }])
})
