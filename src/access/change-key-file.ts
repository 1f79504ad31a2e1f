import {
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { ApiKey } from './api-key.ts'
import { KeyFileRefused, readKeyFile } from './key-file.ts'

/** What a change made of a file. */
export interface ChangedFile {
  /** Whose it is, and who may read it. */
  uid: number
  gid: number
  mode: number
  /** How it was before; null where it was made. */
  before: { uid: number; gid: number; mode: number } | null
}

/**
 * Changes a file of API keys: as a whole, or not at all. A service that reads it meanwhile sees the old keys or the new
 * ones, and a second change at the same time is refused rather than lost. Where there is no file, one is made.
 * @throws {KeyFileRefused} when it cannot be read or written; also what `change` throws. Nothing is changed then
 */
export function changeKeyFile(path: string, change: (keys: ApiKey[]) => ApiKey[]): ChangedFile {
  // A link is followed, or it would be replaced by the file.
  const target = existsSync(path) ? realpathSync(path) : path
  const draft = `${target}.new`
  const file = begin(path, draft)
  try {
    // Only now: another command may have made it until just before.
    const isThere = existsSync(target)
    const keys = change(isThere ? readKeyFile(target).keys : [])
    writeFileSync(file, `${JSON.stringify({ keys }, null, 2)}\n`)
    const before = isThere ? accessTo(statSync(target)) : null
    if (before !== null) keepReaders(file, before)
    fsyncSync(file)
    const changed = { ...accessTo(fstatSync(file)), before }
    renameSync(draft, target)
    // A revoked key must not come back after a power cut.
    syncFolder(dirname(target))
    return changed
  } catch (error) {
    rmSync(draft, { force: true })
    throw hasCode(error) ? new KeyFileRefused(path, `cannot be written (${error.code})`) : error
  } finally {
    closeSync(file)
  }
}

/** The draft is the lock too: only one can make it. */
function begin(path: string, draft: string): number {
  try {
    mkdirSync(dirname(draft), { recursive: true, mode: 0o700 })
    return openSync(draft, 'wx', 0o600)
  } catch (error) {
    if (!hasCode(error)) throw error
    const isTaken = error.code === 'EEXIST' && existsSync(draft)
    const problem = isTaken
      ? `is being changed; if no command runs, remove ${draft}`
      : `cannot be written (${error.code})`
    throw new KeyFileRefused(path, problem)
  }
}

const accessTo = ({ uid, gid, mode }: Stats) => ({ uid, gid, mode: mode & 0o777 })

/**
 * The service may run as another user than whoever changes its keys: it has to go on reading them, or a revoked key
 * would stay in force. So the file keeps its owner, its group and who may read it, as far as the system lets us; nobody
 * but the owner is ever allowed to write it.
 */
function keepReaders(file: number, { uid, gid, mode }: { uid: number; gid: number; mode: number }): void {
  const isRoot = process.getuid?.() === 0
  try {
    fchownSync(file, isRoot ? uid : -1, gid)
  } catch (error) {
    if (!hasCode(error) || error.code !== 'EPERM') throw error
  }
  const isSameGroup = fstatSync(file).gid === gid
  fchmodSync(file, 0o600 | (mode & (isSameGroup ? 0o044 : 0o004)))
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

function hasCode(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}
