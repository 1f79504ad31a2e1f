import { type PostgresServer, query } from '../../test/support/postgres/server.ts'
import type { Case } from '../cases.ts'
import { type Extent, Under } from '../under.ts'
import { BossUnder } from './boss-under.ts'
import type { OnPostgres } from './contenders.ts'

/** Events consumed a second. */
export interface Consumption {
  contender: string
  rate: number
}

/**
 * Measures consumers of this service, over HTTP, and those of pg-boss, in their own process, in turns.
 * @throws {Error} when an event was lost, or queued twice
 */
export async function measureConsumption(
  server: PostgresServer,
  contenders: OnPostgres[],
  subject: Case,
  extent: Extent,
): Promise<Consumption[]> {
  const [bossUrl, ...urls] = await Promise.all([undefined, ...contenders].map(() => server.createDatabase()))
  const ours = contenders.map((contender, index) => new Under(subject, contender(urls[index] as string)))
  const all = [...ours, new BossUnder(bossUrl as string, subject.eventsPerSecond)]
  try {
    for (const each of all) await each.prepare(extent)
    for (let round = 0; round < extent.rounds; round++) {
      for (const [index, each] of all.entries()) {
        await each.queueEvents(extent.seconds)
        // What autovacuum would have done in a queue that was not filled within seconds.
        await query(urls[index] ?? (bossUrl as string), 'VACUUM ANALYZE')
        await each.round(extent)
      }
    }
    for (const each of all) await each.verify()
    return all.map((each) => each.figure()).map(({ contender, rate }) => ({ contender, rate }))
  } finally {
    for (const each of all) await each.remove()
  }
}
