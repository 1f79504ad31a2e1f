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

interface Permissions {
  uid: number
  gid: number
  mode: number
}

/** The permissions of a file after it was changed. */
export interface ChangedFile extends Permissions {
  /** Null when the file was created. */
  before: Permissions | null
}

/**
 * Replaces a file of API keys atomically, or creates it: readers see the old keys or the new ones. A concurrent change is
 * refused, so that none is lost.
 * @throws {KeyFileRefused} when the file cannot be read or written, and whatever `change` throws; nothing is changed then
 */
export function changeKeyFile(path: string, change: (keys: ApiKey[]) => ApiKey[]): ChangedFile {
  // Follow a link: the rename would replace it by a file.
  const target = existsSync(path) ? realpathSync(path) : path
  const draft = `${target}.new`
  const file = createDraft(path, draft)
  try {
    // Check only while holding the draft: another command may have created the file just before.
    const isThere = existsSync(target)
    const keys = change(isThere ? readKeyFile(target).keys : [])
    writeFileSync(file, `${JSON.stringify({ keys }, null, 2)}\n`)
    const before = isThere ? permissionsOf(statSync(target)) : null
    if (before !== null) keepReaders(file, before)
    fsyncSync(file)
    const changed = { ...permissionsOf(fstatSync(file)), before }
    renameSync(draft, target)
    // After a power cut a revoked key must not be valid again.
    syncFolder(dirname(target))
    return changed
  } catch (error) {
    rmSync(draft, { force: true })
    throw hasCode(error) ? new KeyFileRefused(path, `cannot be written (${error.code})`) : error
  } finally {
    closeSync(file)
  }
}

/** The draft is also the lock: only one command can create it. */
function createDraft(path: string, draft: string): number {
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

const permissionsOf = ({ uid, gid, mode }: Stats) => ({ uid, gid, mode: mode & 0o777 })

/**
 * Keeps the owner, the group and the read permissions of the file, as far as the system allows: the service may run as
 * another user, and would keep accepting revoked keys if it could not read the file. Only the owner may ever write it.
 */
function keepReaders(file: number, { uid, gid, mode }: Permissions): void {
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
