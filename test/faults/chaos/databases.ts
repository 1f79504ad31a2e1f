import { setTimeout as pause } from 'node:timers/promises'
import { type PostgresServer, query } from '../../support/postgres/server.ts'
import type { Way } from '../ways.ts'

/** How long what is unfinished may take to be brought to its end, in milliseconds. */
const PATIENCE_MS = 20_000

/** What nobody may find once all is brought to its end, by what it is called. */
const LEFT_IN_DATABASE = `
SELECT 'intents' AS what, count(*)::int AS number FROM formula_intake.intents WHERE state <> 'removed'
UNION ALL SELECT 'pending formulas', count(*)::int FROM formula_intake.formulas WHERE attempt IS NOT NULL
UNION ALL SELECT 'answers not given', count(*)::int FROM formula_intake.answers WHERE attempt IS NOT NULL`

const LEFT_IN_QUEUE = `
SELECT 'held events' AS what, count(*)::int AS number FROM formula_intake.held
UNION ALL SELECT 'held marks', count(*)::int FROM formula_intake.marks WHERE state = 'held'`

/** The databases of one service. */
export interface Databases {
  way: Way
  database: string
  /** The same one, where both share a transaction. */
  queue: string
}

/** Makes the databases of a service. */
export async function createDatabases(server: PostgresServer, way: Way): Promise<Databases> {
  const database = await server.createDatabase()
  return { way, database, queue: way === 'saga' ? await server.createDatabase() : database }
}

/** What the service is told of them. */
export const environmentOf = ({ database, queue }: Databases): Record<string, string> => ({
  DATABASE_URL: database,
  ...(queue === database ? {} : { QUEUE_URL: queue }),
})

/** Waits until nothing is half done. @returns what still is, when it has taken too long */
export async function untilSettled({ database, queue }: Databases): Promise<string[]> {
  for (const until = performance.now() + PATIENCE_MS; ; await pause(100)) {
    const rows = [...(await query<Left>(database, LEFT_IN_DATABASE)), ...(await query<Left>(queue, LEFT_IN_QUEUE))]
    const left = rows.filter(({ number }) => number > 0)
    if (left.length === 0) return []
    if (performance.now() > until) return left.map(({ what, number }) => `${number} ${what} left`)
  }
}

interface Left {
  what: string
  number: number
}
