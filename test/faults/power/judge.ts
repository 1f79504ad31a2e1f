import { DatabaseSync } from 'node:sqlite'
import { buildApp } from '../../../src/app.ts'
import { readConfig } from '../../../src/config/config.ts'
import { type Clock, systemClock } from '../../../src/kit/clock.ts'
import { ClientHistory, sendInto } from '../client-history.ts'
import { inconsistenciesIn } from '../sqlite-consistency.ts'
import { type CommitStrategy, filesIn } from '../stores.ts'
import { formulaOf } from './load.ts'

/** The system clock; only judgeFiles sets it forward, to let leases end. */
let ahead = 0
const clock: Clock = { now: () => Date.now() + ahead, after: systemClock.after }

async function pause(): Promise<void> {
  ahead += 1_000
  await new Promise((resolve) => setTimeout(resolve, 2))
}

/** A history whose judge sets the clock forward instead of waiting for leases to end. */
export const newHistory = (): ClientHistory => new ClientHistory({ maxReceives: 5, now: clock.now, pause })

/** Starts a service on the files a power cut left, and checks it against what clients knew. @returns the violations */
export async function judgeFiles(folder: string, strategy: CommitStrategy, known: ClientHistory): Promise<string[]> {
  const env = { ...filesIn(folder, strategy), SUBMIT_RETRY_BASE_MS: '1', BODY_LIMIT_BYTES: '67108864' }
  const app = buildApp(readConfig(env), { clock })
  const violations: string[] = []
  try {
    await app.ready()
    violations.push(...inconsistencies(folder, strategy))
    violations.push(...(await known.judge(sendInto(app), { whole: true, patienceMs: 120_000 })))
    const reply = await known.submit(sendInto(app), 'after-the-cut', formulaOf('After the cut'))
    if (reply?.status !== 200) violations.push(`nothing new is accepted: ${reply?.status} ${reply?.body}`)
    violations.push(...inconsistencies(folder, strategy))
  } catch (error) {
    violations.push(`it does not start: ${(error as Error).message}`)
  } finally {
    await app.close()
    ahead = 0
  }
  return violations
}

/** Damage and inconsistencies within the files. */
function inconsistencies(folder: string, strategy: CommitStrategy): string[] {
  const paths = Object.values(filesIn(folder, strategy)).map((url) => url.slice('sqlite:'.length))
  return [...new Set(paths)].flatMap((path) => {
    const db = new DatabaseSync(path, { readOnly: true })
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
