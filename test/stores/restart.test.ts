import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openPostgres } from '../../src/stores/postgres/engine.ts'
import { DAY_MS } from '../contract/open-stores.ts'
import { restartContract } from '../contract/restart.ts'
import { again, formula, submission } from '../contract/submissions.ts'
import { scratch } from '../faults/stores.ts'
import { ReusedDatabases } from '../support/postgres/reused-databases.ts'
import { query, startPostgres } from '../support/postgres/server.ts'
import { openInProcess } from '../support/sqlite-in-process.ts'
import { TestClock } from '../support/test-clock.ts'

const server = await startPostgres({ durable: false })
t.teardown(() => server.stop())
const databases = new ReusedDatabases(server)
const DEFAULTS = { answerTtlMs: DAY_MS, maxReceives: 5 }

restartContract('sqlite', async (t, options) => {
  const path = join(scratch(t), 'formulas.db')
  return async () => openInProcess(path, { ...DEFAULTS, ...options })
})

restartContract('postgres', async (t, options) => {
  const url = await databases.take(t)
  return () => openPostgres(url, { ...DEFAULTS, ...options })
})

/** A submission with a distinctive caller and key. */
const telling = submission([formula('Rose')], { caller: 'Perfumery-of-Grasse', key: 'A-key-that-tells' })

t.test('sqlite: neither a caller nor a key is written to the file', async (t) => {
  const path = join(scratch(t), 'formulas.db')
  const stores = openInProcess(path, { clock: new TestClock(), ...DEFAULTS })
  await stores.intake.accept(telling)
  await stores.db.add('1', { ...again(telling), key: 'A-key-that-tells-2', formulas: [formula('Iris', '2')] })
  await stores.close()
  const text = readFileSync(path, 'latin1')
  t.match(text, 'Rose')
  t.notMatch(text, /Perfumery-of-Grasse|A-key-that-tells/)
})

t.test('postgres: neither a caller nor a key is kept in a table', async (t) => {
  const url = await databases.take(t)
  const stores = await openPostgres(url, { clock: new TestClock(), ...DEFAULTS })
  t.teardown(() => stores.close())
  await stores.intake.accept(telling)
  await stores.db.add('1', { ...again(telling), key: 'A-key-that-tells-2', formulas: [formula('Iris', '2')] })
  const rows = await query(url, "SELECT schema_to_xml('formula_intake', true, false, '')::text AS text")
  const text = JSON.stringify(rows)
  t.match(text, 'Rose')
  t.notMatch(text, /Perfumery-of-Grasse|A-key-that-tells/)
})
