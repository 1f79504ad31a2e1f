import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import type { ApiKey } from './api-key.ts'
import { isScope, SCOPES } from './api-key.ts'

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
  scopes: [isScopes, `must be a list of one or more of ${SCOPES.join(', ')}`],
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
  return Array.isArray(value) && value.length > 0 && value.every(isScope)
}

export interface KeyFile {
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
