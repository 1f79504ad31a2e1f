import {
  closeSync,
  existsSync,
  fchownSync,
  fsyncSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { ApiKey } from './api-key.ts'
import { KeyFileRefused, readKeyFile } from './key-file.ts'

/**
 * Changes a file of API keys: as a whole, or not at all. A service that reads it meanwhile sees the old keys or the new
 * ones, and a second change at the same time is refused rather than lost. Where there is no file, one is made.
 * @throws {KeyFileRefused} when it cannot be read or written; also what `change` throws. Nothing is changed then
 */
export function changeKeyFile(path: string, change: (keys: ApiKey[]) => ApiKey[]): void {
  // A link is followed, or it would be replaced by the file.
  const target = existsSync(path) ? realpathSync(path) : path
  const draft = `${target}.new`
  const file = begin(path, draft)
  try {
    // Only now: another command may have made it until just before.
    const isThere = existsSync(target)
    const keys = change(isThere ? readKeyFile(target) : [])
    writeFileSync(file, `${JSON.stringify({ keys }, null, 2)}\n`)
    if (isThere) keepOwner(file, target)
    fsyncSync(file)
    renameSync(draft, target)
    // A revoked key must not come back after a power cut.
    syncFolder(dirname(target))
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

/** Root may change the file of a service that runs as another user, who has to go on reading it. */
function keepOwner(file: number, target: string): void {
  const { uid, gid } = statSync(target)
  if (process.getuid?.() === 0) fchownSync(file, uid, gid)
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
