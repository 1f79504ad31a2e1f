import { type PostgresServer, query } from '../../test/support/postgres/server.ts'
import type { Case } from '../cases.ts'
import { type Extent, Under } from '../under.ts'
import type { OnPostgres } from './contenders.ts'

/** What a rate comes to on an empty database and on one that holds much. */
export interface BacklogRate {
  title: string
  unit: string
  empty: number
  filled: number
}

/**
 * Measures a case on two databases of one contender in turns; one holds so many formulas and as many ready events.
 * @throws {Error} when something that was answered is not there
 */
export async function compareBacklog(
  server: PostgresServer,
  contender: OnPostgres,
  subject: Case,
  extent: Extent & { formulas: number },
): Promise<BacklogRate> {
  const urls = [await server.createDatabase(), await server.createDatabase()]
  const [empty, filled] = urls.map((url) => new Under(subject, contender(url))) as [Under, Under]
  try {
    await empty.prepare(extent)
    await filled.prepare(extent, extent.formulas)
    // What autovacuum would have done in a backlog that did not grow within seconds.
    for (const url of urls) await query(url, 'VACUUM ANALYZE')
    await query(server.url(), 'CHECKPOINT')
    for (let round = 0; round < extent.rounds; round++) for (const each of [empty, filled]) await each.round(extent)
    for (const each of [empty, filled]) await each.verify()
    const { title, unit } = subject
    return { title, unit: unit.name, empty: empty.figure().rate, filled: filled.figure().rate }
  } finally {
    for (const each of [empty, filled]) await each.remove()
    for (const url of urls) await query(server.url(), `DROP DATABASE "${new URL(url).pathname.slice(1)}" WITH (FORCE)`)
  }
}
