import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { StoreRefused } from '../../../errors/store-errors.ts'
import { APPLICATION_ID } from '../schema.ts'
import { sync } from './disk.ts'
import { openForReading } from './file.ts'
import { checkOrigin } from './integrity.ts'
import { refuseMountedFile } from './paths.ts'

/** The number of rows in a copy. */
interface BackedUp {
  formulas: number
  /** Events in the log, without blank ones. */
  events: number
}

/**
 * Copies a database file to `target` as of one moment, also while the service writes to it, then checks the copy and syncs
 * it to disk.
 * @throws {StoreRefused} when there is no file of this service, or the copy is damaged
 */
export function backUp(path: string, target: string): BackedUp {
  if (!existsSync(path)) throw new StoreRefused(`${path} is not there`)
  refuseMountedFile(path)
  const source = openForReading(path)
  try {
    checkOrigin(source, path)
    if (source.prepare('PRAGMA application_id').get()?.application_id !== APPLICATION_ID) {
      throw new StoreRefused(`${path} is not a database of this service`)
    }
    // VACUUM reads in one transaction. SQLite's backup API would start over whenever the writer commits.
    source.prepare('VACUUM INTO ?').run(target)
  } catch (error) {
    if (error instanceof StoreRefused) throw error
    throw new StoreRefused(`${path} could not be copied: ${(error as Error).message}`)
  } finally {
    source.close()
  }
  sync(target)
  return readBack(target)
}

function readBack(path: string): BackedUp {
  const copy = new DatabaseSync(path, { readOnly: true })
  try {
    const found = copy.prepare('PRAGMA integrity_check(1)').get()?.integrity_check
    if (found !== 'ok') throw new StoreRefused(`The copy is damaged: ${found}`)
    const counted = copy.prepare(`SELECT (SELECT count(*) FROM formulas) AS formulas,
      (SELECT count(*) FROM events WHERE fingerprint IS NOT NULL) AS events`)
    return counted.get() as unknown as BackedUp
  } finally {
    copy.close()
  }
}
