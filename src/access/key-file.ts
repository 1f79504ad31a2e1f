import {
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { type ApiKey, isKeyScope, SCOPES_EXPECTED } from './api-key.ts'

/** The API keys file is unusable; the message is one line for the operator. */
export class KeyFileRefused extends Error {
  constructor(path: string, problem: string) {
    super(`API keys file ${path}: ${problem}`)
    this.name = 'KeyFileRefused'
  }
}

export const NAME_EXPECTED = 'must be 1 to 64 letters, digits and _ . -'

/** The check of each field of a key, and how a message describes it. */
const FIELDS: Record<keyof Required<ApiKey>, [isValid: (value: unknown) => boolean, expected: string]> = {
  name: [isName, NAME_EXPECTED],
  scopes: [isScopes, `must be a list of ${SCOPES_EXPECTED}`],
  sha256: [(value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value), 'must be 64 lower-case hex digits'],
  createdAt: [(value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)), 'must be a time in ISO 8601'],
  expiresAt: [(value) => value === undefined || isUtcTime(value), 'must be a time in UTC, as 2026-12-31T00:00:00Z'],
}

/** Formats permissions as chmod takes them. */
export const octal = (mode: number): string => mode.toString(8).padStart(4, '0')

const UTC_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z$/

/** Whether a text is a time in ISO 8601, in UTC. `Date.parse` alone would accept 30 February. */
export function isUtcTime(value: unknown): value is string {
  if (typeof value !== 'string' || !UTC_TIME.test(value)) return false
  const time = new Date(value)
  return !Number.isNaN(time.getTime()) && time.toISOString().slice(0, 10) === value.slice(0, 10)
}

/** Whether a value is a valid name of a caller. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[\w.-]{1,64}$/.test(value)
}

function isScopes(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isKeyScope)
}

interface KeyFile {
  keys: ApiKey[]
  /** Its permissions; 0600 on systems without them. */
  mode: number
}

/** @throws {KeyFileRefused} when it is missing, cannot be read, or is invalid in any part */
export function readKeyFile(path: string): KeyFile {
  try {
    const file = openSync(path, 'r')
    try {
      const mode = process.platform === 'win32' ? 0o600 : fstatSync(file).mode & 0o777
      return { keys: parseKeys(path, readFileSync(file, 'utf8')), mode }
    } finally {
      closeSync(file)
    }
  } catch (error) {
    if (error instanceof KeyFileRefused) throw error
    const { code } = error as NodeJS.ErrnoException
    throw new KeyFileRefused(path, code === 'ENOENT' ? 'there is no such file' : `cannot be read (${code})`)
  }
}

function parseKeys(path: string, text: string): ApiKey[] {
  let content: unknown
  try {
    // Some editors begin a file with a byte order mark.
    content = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch {
    // Not the parser's message: it quotes the file.
    throw new KeyFileRefused(path, 'is not JSON')
  }
  const keys = isObject(content) && Object.keys(content).join() === 'keys' ? content.keys : undefined
  if (!Array.isArray(keys)) throw new KeyFileRefused(path, 'must be an object with a list "keys" and nothing else')
  for (const [index, key] of keys.entries()) {
    const problem = problemOf(key)
    if (problem !== null) throw new KeyFileRefused(path, `keys[${index}]${problem}`)
  }
  const twin = keys.findIndex(({ sha256 }, index) => keys.findIndex((other) => other.sha256 === sha256) < index)
  if (twin >= 0) throw new KeyFileRefused(path, `keys[${twin}].sha256: stands there twice`)
  return keys
}

/** Refuses unknown fields: one may be a restriction that this version would not apply. */
function problemOf(key: unknown): string | null {
  if (!isObject(key)) return ': must be an object'
  for (const [name, [isValid, expected]] of Object.entries(FIELDS)) {
    if (!isValid(key[name])) return `.${name}: ${expected}`
  }
  const unknown = Object.keys(key).find((name) => !Object.hasOwn(FIELDS, name))
  return unknown === undefined ? null : `: has a field that is not known, ${JSON.stringify(unknown)}`
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

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
