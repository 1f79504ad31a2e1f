import { copyFileSync, existsSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as waitMs } from 'node:timers/promises'
import type { Way } from '../stores.ts'
import type { Place } from './place.ts'
import { countUnfinished, NONE, type Unfinished } from './unfinished.ts'

/** How long a write is waited for, in milliseconds. */
const PATIENCE_MS = 20_000

/** A service on files in `directory`. */
export function sqliteFiles(directory: string, way: Way): Place {
  return {
    environment: {
      DATABASE_URL: `sqlite:${join(directory, 'formulas.db')}`,
      QUEUE_URL: `sqlite:${join(directory, way === 'saga' ? 'events.db' : 'formulas.db')}`,
    },
    inOrder: true,
    unfinished: async () => (way === 'saga' ? unfinished(directory) : { ...NONE }),
    async nextWrite() {
      const log = join(directory, 'formulas.db-wal')
      const written = (): number => statSync(log, { throwIfNoEntry: false })?.mtimeMs ?? 0
      const before = written()
      for (const until = performance.now() + PATIENCE_MS; written() === before && performance.now() < until; )
        await waitMs(1)
    },
    // Before it listens.
    settled: async () => [],
  }
}

/** What is unfinished in the files of a service that is dead. It looks at a copy, so that they stay as the kill left them. */
function unfinished(directory: string): Unfinished {
  const copy = join(directory, 'copy')
  mkdirSync(copy)
  try {
    for (const file of ['formulas.db', 'formulas.db-wal', 'events.db', 'events.db-wal']) {
      if (existsSync(join(directory, file))) copyFileSync(join(directory, file), join(copy, file))
    }
    const intents = read(copy, 'formulas.db', 'SELECT id, state FROM intents')
    return countUnfinished(intents, new Map(read(copy, 'events.db', 'SELECT attempt AS id, state FROM marks')))
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
