import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** How many sagas a kill has left behind which step. */
export interface Unfinished {
  /** Intent and pending formulas, no events yet. */
  prepared: number
  /** Events held as well, not complete. */
  published: number
  /** Complete, events not released. */
  completed: number
  /** Events released, intent not forgotten. */
  released: number
  /** A rollback that has begun. */
  rollingBack: number
}

export const NONE: Unfinished = { prepared: 0, published: 0, completed: 0, released: 0, rollingBack: 0 }

/** What is unfinished in the files of a service that is dead. It looks at a copy, so that they stay as the kill left them. */
export function unfinished(directory: string): Unfinished {
  const copy = join(directory, 'copy')
  mkdirSync(copy)
  try {
    for (const file of ['formulas.db', 'formulas.db-wal', 'events.db', 'events.db-wal']) {
      if (existsSync(join(directory, file))) copyFileSync(join(directory, file), join(copy, file))
    }
    const states = read(copy, 'formulas.db', 'SELECT id, state FROM intents')
    const marks = new Map(read(copy, 'events.db', 'SELECT attempt AS id, state FROM marks'))
    const counts = { ...NONE }
    for (const [id, state] of states) {
      if (state === 'rolling-back') counts.rollingBack++
      else if (state === 'pending') counts[marks.has(id) ? 'published' : 'prepared']++
      else counts[marks.get(id) === 'released' ? 'released' : 'completed']++
    }
    return counts
  } finally {
    rmSync(copy, { recursive: true })
  }
}

/** @returns pairs; none where the service died before it had made its tables */
function read(directory: string, file: string, query: string): [string, string][] {
  const path = join(directory, file)
  if (!existsSync(path)) return []
  const db = new DatabaseSync(path)
  try {
    if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'identity'").get() === undefined) return []
    return db
      .prepare(query)
      .all()
      .map(({ id, state }) => [id as string, state as string])
  } finally {
    db.close()
  }
}

export const sumOf = (counts: Unfinished): number => Object.values(counts).reduce((sum, count) => sum + count, 0)

export function add(to: Unfinished, counts: Unfinished): void {
  for (const step of Object.keys(to) as (keyof Unfinished)[]) to[step] += counts[step]
}
