import { randomBytes } from 'node:crypto'
import t from 'tap'
import { OWNER_LEASE_MS } from '../../src/stores/ports.ts'
import { openPostgres } from '../../src/stores/postgres/engine.ts'
import { DAY_MS, type OpenStores } from '../contract/open-stores.ts'
import { storesContract } from '../contract/stores.ts'
import { readPage } from '../support/docs/pages.ts'
import { ReusedDatabases } from '../support/postgres/reused-databases.ts'
import { query, startPostgres } from '../support/postgres/server.ts'
import { TestClock } from '../support/test-clock.ts'

const server = await startPostgres({ durable: false })

/** Names that nobody's own roles have, for those of the page. */
const suffix = randomBytes(4).toString('hex')
const [SERVER, DATABASE] = [...readPage('docs/postgresql.md').matchAll(/^```sql\n([^`]+)^```/gm)].map(
  ([, block = '']) =>
    block
      .replaceAll(/\bintake(_owner)?\b/g, `intake$1_${suffix}`)
      .split(';')
      .map((statement) => statement.trim())
      .filter(Boolean),
) as [string[], string[]]

const roles = SERVER.filter((statement) => statement.startsWith('CREATE ROLE'))
for (const statement of roles) await query(server.url(), statement)
t.teardown(async () => {
  await server.stop()
  if (server.isOurs) return
  for (const role of [`intake_${suffix}`, `intake_owner_${suffix}`]) await query(server.url(), `DROP ROLE ${role}`)
})

/** The URL of a role of the page, for the database of another URL. */
function as(role: string, url: string): string {
  const password = new RegExp(`${role} LOGIN PASSWORD '(.*)'`).exec(roles.join('\n'))?.[1]
  return Object.assign(new URL(url), { username: role, password }).href
}

const options = { clock: new TestClock(), answerTtlMs: DAY_MS, maxReceives: 5 }

/** A database as the page says: its owner has made the tables. */
async function createDatabase(): Promise<string> {
  const url = await server.createDatabase()
  const owner = as(`intake_owner_${suffix}`, url)
  await query(server.url(), `ALTER DATABASE ${new URL(url).pathname.slice(1)} OWNER TO intake_owner_${suffix}`)
  for (const statement of DATABASE) await query(owner, statement)
  await (await openPostgres(owner, options)).close()
  return url
}

t.test('the role that the service runs as cannot make tables, nor change them', async (t) => {
  const url = as(`intake_${suffix}`, await createDatabase())
  for (const statement of ['CREATE TABLE formula_intake.mine ()', 'ALTER TABLE formula_intake.events ADD mine int']) {
    await t.rejects(query(url, statement), { code: '42501' })
  }
})

t.test('rights that are granted after the first start are the same', async (t) => {
  const url = await createDatabase()
  const owner = as(`intake_owner_${suffix}`, url)
  await query(owner, 'DROP SCHEMA formula_intake CASCADE')
  await (await openPostgres(owner, options)).close()
  await t.rejects(openPostgres(as(`intake_${suffix}`, url), options), { name: 'StoreRefused' })
  for (const statement of DATABASE) await query(owner, statement)
  await (await openPostgres(as(`intake_${suffix}`, url), options)).close()
})

const databases = new ReusedDatabases({ createDatabase })

const open: OpenStores = async (t, options) => {
  const url = as(`intake_${suffix}`, await databases.take(t))
  const stores = await openPostgres(url, { answerTtlMs: DAY_MS, maxReceives: 5, ...options })
  t.teardown(() => stores.close())
  return stores
}

storesContract('as the role that the service runs as', open, OWNER_LEASE_MS)
