import type { ChangedFile } from './change-key-file.ts'
import { octal } from './key-file.ts'

/** @returns warnings about who can or could access a file of keys that was just changed; often none */
export function readerWarnings({ uid, gid, mode, before }: ChangedFile): string[] {
  if (before === null) {
    if (uid !== 0) return []
    return [
      'The file was made for root alone. A service that runs as another user cannot read it: chown it to that user',
    ]
  }
  const lines = foreignWriteWarning(before.mode)
  if (uid !== before.uid)
    lines.push(`The file belonged to user ${before.uid}, and now belongs to user ${uid}: chown it back`)
  if ((before.mode & ~mode & 0o040) !== 0) {
    lines.push(`Group ${before.gid} could read the file, and no longer can: it belongs to group ${gid} now`)
  }
  return lines
}

/** Says whether a running service, which may run as any user, can read the change. */
export function reloadNote({ uid, gid, mode }: ChangedFile): string {
  if ((mode & 0o004) !== 0) return 'A running service takes note within a second'
  const members = (mode & 0o040) === 0 ? '' : `, in group ${gid}`
  const readers = uid === 0 ? `root${members}` : `user ${uid}${members} or root`
  return `A running service takes note within a second if it runs as ${readers}. Any other cannot read the file (mode ${octal(mode)}): it goes on with the keys of before, revoked ones too, and its log says so`
}

/** @returns a warning about a file that others could write, or nothing */
export function foreignWriteWarning(mode: number): string[] {
  if ((mode & 0o022) === 0) return []
  return [`Others than its owner could write the file (mode ${octal(mode)}): look through its keys, one may be theirs`]
}
