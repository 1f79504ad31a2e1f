import { setTimeout as pause } from 'node:timers/promises'
import { type PostgresServer, query } from '../support/postgres/server.ts'
import type { CommitStrategy } from './stores.ts'

/** How long unfinished work may take to settle, in milliseconds. */
const PATIENCE_MS = 20_000

const LEFT_IN_DATABASE = `
SELECT 'intents' AS what, count(*)::int AS number FROM formula_intake.intents WHERE state <> 'removed'
UNION ALL SELECT 'pending formulas', count(*)::int FROM formula_intake.formulas WHERE attempt IS NOT NULL
UNION ALL SELECT 'unfinished answers', count(*)::int FROM formula_intake.answers WHERE attempt IS NOT NULL`

const LEFT_IN_QUEUE = `
SELECT 'held events' AS what, count(*)::int AS number FROM formula_intake.held
UNION ALL SELECT 'held marks', count(*)::int FROM formula_intake.marks WHERE state = 'held'`

/** The PostgreSQL databases of one service, by URL; both are the same in one transaction. */
export interface Databases {
  database: string
  queue: string
}

export async function createDatabases(server: PostgresServer, strategy: CommitStrategy): Promise<Databases> {
  const database = await server.createDatabase()
  return { database, queue: strategy === 'saga' ? await server.createDatabase() : database }
}

/** The configuration of a service on these databases. */
export const environmentOf = ({ database, queue }: Databases) => ({ DATABASE_URL: database, QUEUE_URL: queue })

/** Waits until no submission is unfinished. @returns what still is unfinished after the time limit */
export async function untilSettled({ database, queue }: Databases): Promise<string[]> {
  for (const until = performance.now() + PATIENCE_MS; ; await pause(100)) {
    const counts = [
      ...(await query<{ what: string; number: number }>(database, LEFT_IN_DATABASE)),
      ...(await query<{ what: string; number: number }>(queue, LEFT_IN_QUEUE)),
    ]
    const left = counts.filter(({ number }) => number > 0)
    if (left.length === 0) return []
    if (performance.now() > until) return left.map(({ what, number }) => `${number} ${what} left`)
  }
}
