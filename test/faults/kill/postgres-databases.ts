import { setTimeout as waitMs } from 'node:timers/promises'
import { query } from '../../support/postgres/server.ts'
import { type Databases, environmentOf, untilSettled } from '../databases.ts'
import type { Way } from '../stores.ts'
import type { Place } from './place.ts'
import { countUnfinished, NONE, type Unfinished } from './unfinished.ts'

/** How long a write is waited for, in milliseconds. */
const PATIENCE_MS = 20_000

/** A service on databases of a PostgreSQL server, which outlives it. */
export function postgresDatabases(databases: Databases, way: Way): Place {
  const { database } = databases
  const written = async (): Promise<unknown> => (await query(database, 'SELECT pg_current_wal_insert_lsn() AS at'))[0]
  return {
    environment: environmentOf(databases),
    // What a saga has left may have to wait until its dead owner is no longer trusted.
    inOrder: way === 'one transaction',
    unfinished: async () => (way === 'saga' ? unfinished(databases) : { ...NONE }),
    async nextWrite() {
      const before = JSON.stringify(await written())
      const until = performance.now() + PATIENCE_MS
      while (JSON.stringify(await written()) === before && performance.now() < until) await waitMs(1)
    },
    settled: () => untilSettled(databases),
  }
}

interface Row {
  id: string
  state: string
}

async function unfinished({ database, queue }: Databases): Promise<Unfinished> {
  const isThere = `SELECT to_regclass('formula_intake.marks') IS NOT NULL AS there`
  for (const url of [database, queue]) {
    const [row] = await query<{ there: boolean }>(url, isThere)
    if (row?.there !== true) return { ...NONE }
  }
  const intents = await query<Row>(database, `SELECT id, state FROM formula_intake.intents WHERE state <> 'removed'`)
  const marks = await query<Row>(queue, 'SELECT attempt AS id, state FROM formula_intake.marks')
  const pairs = (rows: Row[]): [string, string][] => rows.map(({ id, state }) => [id, state])
  return countUnfinished(pairs(intents), new Map(pairs(marks)))
}
