import t from 'tap'
import { openPostgres } from '../../src/stores/postgres/engine.ts'
import { DAY_MS } from '../contract/open-stores.ts'
import { events } from '../contract/submissions.ts'
import { DocumentedRoles } from '../support/postgres/documented-roles.ts'
import { query, startPostgres } from '../support/postgres/server.ts'
import { TestClock } from '../support/test-clock.ts'

const server = await startPostgres({ durable: false })
const roles = await DocumentedRoles.create(server)
t.teardown(async () => {
  await server.stop()
  await roles.drop()
})

t.test('the role of the service can neither create nor alter tables', async (t) => {
  const url = roles.asService(await roles.createDatabase())
  for (const statement of ['CREATE TABLE formula_intake.mine ()', 'ALTER TABLE formula_intake.events ADD mine int']) {
    await t.rejects(query(url, statement), { code: '42501' })
  }
})

t.test('the documented rights may also be granted after the first start', async (t) => {
  const options = { clock: new TestClock(), answerTtlMs: DAY_MS, maxReceives: 5 }
  const url = await roles.createDatabase()
  const owner = roles.asOwner(url)
  await query(owner, 'DROP SCHEMA formula_intake CASCADE')
  await (await openPostgres(owner, options)).close()
  await t.rejects(openPostgres(roles.asService(url), options), { name: 'StoreRefused' })
  for (const statement of roles.grants) await query(owner, statement)
  await (await openPostgres(roles.asService(url), options)).close()
})

t.test('a transaction that cannot begin leaves a connection that serves the next', async (t) => {
  const options = { clock: new TestClock(), answerTtlMs: DAY_MS, maxReceives: 5 }
  const url = await roles.createDatabase()
  const { queue, close } = await openPostgres(roles.asService(url), options)
  t.teardown(close)
  const setting = 'EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean)'
  await query(url, `REVOKE ${setting} FROM PUBLIC`)
  await t.rejects(queue.publish('1', events('a')), { name: 'StoreUnavailable', message: /set_config/ })
  await query(url, `GRANT ${setting} TO PUBLIC`)
  t.equal(await queue.publish('1', events('a')), true)
})
