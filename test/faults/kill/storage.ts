import { copyFileSync, existsSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as waitMs } from 'node:timers/promises'
import { query } from '../../support/postgres/server.ts'
import { type Databases, environmentOf, untilSettled } from '../databases.ts'
import { type CommitStrategy, filesIn } from '../stores.ts'

/** The data of a service that is killed. */
export interface Storage {
  /** The variables that make a service use it. */
  environment: Record<string, string>
  /** Whether all events arrive in the order of their formulas. */
  inOrder: boolean
  /** Counts the sagas that a killed service left unfinished. */
  unfinished(): Promise<Unfinished>
  /** Waits until a start writes for the first time, which its recovery does, for at most WRITE_MS. */
  nextWrite(): Promise<void>
  /** Waits until no submission is unfinished. @returns what still is after the time limit */
  settled(): Promise<string[]>
}

const WRITE_MS = 20_000

/** Numbers of unfinished sagas, by their last step. */
export interface Unfinished {
  /** Intent and pending formulas, no events yet. */
  prepared: number
  /** Events held, not complete. */
  published: number
  /** Complete, events not released. */
  completed: number
  /** Events released, intent not removed. */
  released: number
  rollingBack: number
}

export const NONE: Unfinished = { prepared: 0, published: 0, completed: 0, released: 0, rollingBack: 0 }

interface Row {
  id: string
  state: string
}

/**
 * @param intents attempts that are not finished, with their state in the database
 * @param marks attempts with their state in the queue
 */
function countUnfinished(intents: Row[], marks: Row[]): Unfinished {
  const counts = { ...NONE }
  const inQueue = new Map(marks.map(({ id, state }) => [id, state]))
  for (const { id, state } of intents) {
    if (state === 'rolling-back') counts.rollingBack++
    else if (state === 'pending') counts[inQueue.has(id) ? 'published' : 'prepared']++
    else counts[inQueue.get(id) === 'released' ? 'released' : 'completed']++
  }
  return counts
}

export const sumOf = (counts: Unfinished): number => Object.values(counts).reduce((sum, count) => sum + count, 0)

export function add(to: Unfinished, counts: Unfinished): void {
  for (const step of Object.keys(to) as (keyof Unfinished)[]) to[step] += counts[step]
}

/** @param read gives null where nothing can be said yet */
async function untilChanged(read: () => Promise<unknown> | unknown): Promise<void> {
  const unchanged = [await read(), null]
  for (const until = performance.now() + WRITE_MS; unchanged.includes(await read()) && performance.now() < until; )
    await waitMs(1)
}

/** Databases of a PostgreSQL server, which outlives the service. */
export function postgresStorage(databases: Databases, strategy: CommitStrategy): Storage {
  const intents = `SELECT string_agg(id || state, ' ' ORDER BY id) AS states FROM formula_intake.intents`
  return {
    environment: environmentOf(databases),
    // An unfinished saga may have to wait until the lease of its dead owner expires.
    inOrder: strategy === 'one transaction',
    unfinished: async () => (strategy === 'saga' ? unfinishedInDatabases(databases) : { ...NONE }),
    nextWrite: () =>
      untilChanged(async () => (await query<{ states: string }>(databases.database, intents))[0]?.states),
    settled: () => untilSettled(databases),
  }
}

async function unfinishedInDatabases({ database, queue }: Databases): Promise<Unfinished> {
  const exists = `SELECT to_regclass('formula_intake.marks') IS NOT NULL AS there`
  for (const url of [database, queue]) {
    const [row] = await query<{ there: boolean }>(url, exists)
    if (row?.there !== true) return { ...NONE }
  }
  return countUnfinished(
    await query<Row>(database, `SELECT id, state FROM formula_intake.intents WHERE state <> 'removed'`),
    await query<Row>(queue, 'SELECT attempt AS id, state FROM formula_intake.marks'),
  )
}

/** SQLite files in a folder. */
export function sqliteStorage(folder: string, strategy: CommitStrategy): Storage {
  const log = join(folder, 'data/formulas.db-wal')
  return {
    environment: filesIn(folder, strategy),
    inOrder: true,
    unfinished: async () => (strategy === 'saga' ? unfinishedInFiles(folder) : { ...NONE }),
    nextWrite: () =>
      untilChanged(() => {
        const { size = 0, mtimeMs = 0 } = statSync(log, { throwIfNoEntry: false }) ?? {}
        // A start empties the log, before it recovers.
        return size > 0 ? mtimeMs : null
      }),
    // The service recovers before it listens.
    settled: async () => [],
  }
}

/** Reads copies of the files, which stay as the kill left them. */
function unfinishedInFiles(folder: string): Unfinished {
  const copy = join(folder, 'copy')
  mkdirSync(copy)
  try {
    for (const path of ['data/formulas.db', 'data/formulas.db-wal', 'queue/events.db', 'queue/events.db-wal']) {
      if (existsSync(join(folder, path))) copyFileSync(join(folder, path), join(copy, path.replace(/.*\//, '')))
    }
    return countUnfinished(
      rowsOf(join(copy, 'formulas.db'), 'SELECT id, state FROM intents'),
      rowsOf(join(copy, 'events.db'), 'SELECT attempt AS id, state FROM marks'),
    )
  } finally {
    rmSync(copy, { recursive: true })
  }
}

/** @returns no rows if the service died before it had created its tables */
function rowsOf(path: string, select: string): Row[] {
  if (!existsSync(path)) return []
  const db = new DatabaseSync(path)
  try {
    if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'identity'").get() === undefined) return []
    return db.prepare(select).all() as unknown as Row[]
  } finally {
    db.close()
  }
}
