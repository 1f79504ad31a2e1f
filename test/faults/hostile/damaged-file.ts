import { createHash } from 'node:crypto'
import { cpSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { systemClock } from '../../../src/kit/clock.ts'
import { openSqlite } from '../../../src/stores/sqlite/engine.ts'
import { lease, receiptsOf } from '../../contract/leasing.ts'
import { formula, submission } from '../../contract/submissions.ts'

export const FILE = 'formulas.db'
const SUBMISSIONS = 150

/**
 * Fills a database with formulas, answers, events in every state, and a submission that a crash interrupted. Copies it
 * twice: as left by a killed process, with a log, and as left by a clean stop.
 */
export async function makeFiles(folder: string): Promise<{ killed: string; stopped: string }> {
  const [work, killed, stopped] = ['work', 'killed', 'stopped'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  for (const directory of [work, killed, stopped]) mkdirSync(directory, { recursive: true })
  const stores = await openSqlite(join(work, FILE), { clock: systemClock, answerTtlMs: 86_400_000, maxReceives: 1 })
  const accepted = Array.from({ length: SUBMISSIONS }, (_, number) => {
    const formulas = [formula(`Formula ${number}`, `${number + 1}`), formula(`Formula ${number}b`, `${number + 1}.5`)]
    return stores.intake.accept(submission(formulas, { key: `key-${number}` }))
  })
  await Promise.all(accepted)
  await indexesWritten(join(work, FILE))
  await stores.queue.nack(receiptsOf(await lease(stores.queue, 40)), 0)
  await lease(stores.queue, 40, 3_600_000)
  await stores.db.add('attempt', submission([formula('Unfinished', '0.25')]))
  copy(work, killed)
  await stores.close()
  copy(work, stopped)
  return { killed, stopped }
}

/** Waits until the writer has written its indexes, which it does when idle. */
async function indexesWritten(path: string): Promise<void> {
  const db = new DatabaseSync(path, { readOnly: true })
  const left = db.prepare(
    'SELECT (SELECT max(seq) FROM formulas) - formulas + (SELECT max(seq) FROM answers) - answers AS left FROM indexed',
  )
  while (left.get()?.left !== 0) await pause(20)
  db.close()
}

/** Copies the database and its log. */
export function copy(from: string, to: string): void {
  mkdirSync(to, { recursive: true })
  for (const name of readdirSync(from)) {
    if (name === FILE || name === `${FILE}-wal`) cpSync(join(from, name), join(to, name))
  }
}

/** The content of the data files, by name; locks and the wal-index are not data. */
export function digests(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => !/\.lock(-journal)?$|-shm$/.test(name))
  return Object.fromEntries(names.sort().map((name) => [name, digest(join(folder, name))]))
}

function digest(path: string): string {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  return stats?.isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex') : 'no file'
}
