import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { buildApp } from '../../../src/app.ts'
import { readConfig } from '../../../src/config/config.ts'
import { type Clock, systemClock } from '../../../src/kit/clock.ts'
import { Ledger, sendInto } from '../ledger.ts'
import { inconsistenciesIn } from '../sqlite-consistency.ts'
import { formulaOf } from './load.ts'

export type Way = 'one file' | 'two files'

const FILES: Record<Way, { database: string; queue: string }> = {
  'one file': { database: 'data/formulas.db', queue: 'data/formulas.db' },
  'two files': { database: 'data/formulas.db', queue: 'queue/events.db' },
}

/** Where a service keeps its files in a folder. */
export function storesIn(folder: string, way: Way): { DATABASE_URL: string; QUEUE_URL: string } {
  const { database, queue } = FILES[way]
  return { DATABASE_URL: `sqlite:${join(folder, database)}`, QUEUE_URL: `sqlite:${join(folder, queue)}` }
}

export const databaseIn = (folder: string, way: Way): string => join(folder, FILES[way].database)

/** The system's clock, which a judge sets forward where leases have to end; right whenever nothing is judged. */
let ahead = 0
const clock: Clock = { now: () => Date.now() + ahead, after: systemClock.after }

async function pause(): Promise<void> {
  ahead += 1_000
  await new Promise((resolve) => setTimeout(resolve, 2))
}

/** A record of clients whose judge does not wait for leases. */
export const newLedger = (): Ledger => new Ledger({ maxReceives: 5, now: clock.now, pause })

/** Starts a service on what a power cut left, and judges it by what was known. @returns what is broken */
export async function judgeFiles(folder: string, way: Way, known: Ledger): Promise<string[]> {
  const env = { ...storesIn(folder, way), SUBMIT_RETRY_BASE_MS: '1', BODY_LIMIT_BYTES: '67108864' }
  const app = buildApp(readConfig(env), { clock })
  const violations: string[] = []
  try {
    await app.ready()
    violations.push(...inconsistencies(folder, way))
    violations.push(...(await known.judge(sendInto(app), { whole: true, patienceMs: 120_000 })))
    const reply = await known.submit(sendInto(app), 'after-the-cut', formulaOf('After the cut'))
    if (reply?.status !== 200) violations.push(`nothing new is accepted: ${reply?.status} ${reply?.body}`)
    violations.push(...inconsistencies(folder, way))
  } catch (error) {
    violations.push(`it does not start: ${(error as Error).message}`)
  } finally {
    await app.close()
    ahead = 0
  }
  return violations
}

/** What is wrong within the files themselves. */
export function inconsistencies(folder: string, way: Way): string[] {
  const { database, queue } = FILES[way]
  return [...new Set([database, queue])].flatMap((path) => {
    const db = new DatabaseSync(join(folder, path), { readOnly: true })
    try {
      return [...damage(db), ...inconsistenciesIn(db)].map((problem) => `${path}: ${problem}`)
    } finally {
      db.close()
    }
  })
}

function damage(db: DatabaseSync): string[] {
  const rows = db.prepare('PRAGMA integrity_check').all() as { integrity_check: string }[]
  return rows.map((row) => row.integrity_check).filter((problem) => problem !== 'ok')
}
