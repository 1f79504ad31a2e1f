import { parseArgs } from 'node:util'
import { type ApiKey, digestOf, idOf, newSecret } from './api-key.ts'
import { changeKeyFile } from './change-key-file.ts'
import { reachOf, readersOf, suspicionOf } from './file-readers.ts'
import { isName, isUtcTime, NAME_EXPECTED, readKeyFile } from './key-file.ts'
import { isScope, SCOPES, type Scope } from './scopes.ts'

const USAGE = `Usage, with API_KEYS_FILE set to the file of the keys:
  npm run keys -- create --name <name> --scope <${SCOPES.join('|')}>[,…] [--expires 90d|2026-12-31T00:00:00Z]
  npm run keys -- list
  npm run keys -- revoke --name <name>     every key of that name
  npm run keys -- revoke --id <id>         one key, as "list" shows it`

const DAY_MS = 86_400_000

/** Something was asked for that cannot be done; the message is for whoever asked. */
export class CommandRefused extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'CommandRefused'
  }
}

/** What a command has to say. */
export interface Said {
  /** What a script may go on with. */
  output: string
  /** What it means, for people. */
  note: string
}

/**
 * Carries out a command on the file of API keys.
 * @throws {CommandRefused} when it is not one of ours, or there is nothing to do it to
 * @throws {KeyFileRefused} when the file cannot be read or written
 */
export function runKeysCommand(words: string[], path: string | undefined, now: Date): Said {
  if (words.includes('--help') || words.includes('-h')) return { output: USAGE, note: '' }
  const { command, name = '', scope = [], id = '', expires } = parse(words)
  if (!path) throw new CommandRefused(`API_KEYS_FILE is not set\n${USAGE}`)
  switch (command) {
    case 'create name,scope':
    case 'create expires,name,scope':
      return create(path, name, toScopes(scope), now, expires)
    case 'list ':
      return list(path, now)
    case 'revoke name':
      return revoke(path, (key) => key.name === name, `of the name ${name}`)
    case 'revoke id':
      return revoke(path, (key) => idOf(key) === id, `with the id ${id}`)
    default:
      throw new CommandRefused(USAGE)
  }
}

/** The options that were given, and as `command` its word with the names of these. */
function parse(words: string[]) {
  try {
    const text = { type: 'string' } as const
    const options = { name: text, id: text, expires: text, scope: { type: 'string', multiple: true } } as const
    const { values, positionals } = parseArgs({ args: words, options, allowPositionals: true })
    return { ...values, command: `${positionals.join(' ')} ${Object.keys(values).sort().join()}` }
  } catch (error) {
    throw new CommandRefused(`${(error as Error).message}\n${USAGE}`)
  }
}

function toScopes(given: string[]): Scope[] {
  const scopes = [...new Set(given.join().split(','))]
  if (scopes.every(isScope)) return scopes
  throw new CommandRefused(`--scope: must be one or more of ${SCOPES.join(', ')}, with commas between`)
}

/** @returns when a key is to end: so many days from now, or the moment that is given */
function toExpiry(given: string, now: Date): string {
  const days = /^([1-9]\d{0,4})d$/.exec(given)?.[1]
  const end = days === undefined ? given : new Date(now.getTime() + Number(days) * DAY_MS).toISOString()
  if (isUtcTime(end) && Date.parse(end) > now.getTime()) return end
  throw new CommandRefused('--expires: must be days, as 90d, or a moment to come in UTC, as 2026-12-31T00:00:00Z')
}

function create(path: string, name: string, scopes: Scope[], now: Date, expires?: string): Said {
  if (!isName(name)) throw new CommandRefused(`--name: ${NAME_EXPECTED}`)
  const end = expires === undefined ? {} : { expiresAt: toExpiry(expires, now) }
  const secret = newSecret()
  const key: ApiKey = { name, scopes, sha256: digestOf(secret), createdAt: now.toISOString(), ...end }
  let others: ApiKey[] = []
  const file = changeKeyFile(path, (keys) => {
    others = keys.filter((other) => other.name === name)
    return [...keys, key]
  })
  const until = key.expiresAt === undefined ? '' : ` until ${key.expiresAt}`
  const shown = `Key ${idOf(key)} of ${name} may ${scopes.join(', ')}${until}. It is shown this once: only its SHA-256 is kept.`
  const hints = others.map(
    (other) => `${name} has an older key too; when it is no longer used: revoke --id ${idOf(other)}`,
  )
  return { output: secret, note: [shown, ...hints, ...readersOf(file)].join('\n') }
}

function list(path: string, now: Date): Said {
  const { keys, mode } = readKeyFile(path)
  const rows = keys.map((key) => [idOf(key), key.name, key.scopes.join(','), key.createdAt, endOf(key, now)])
  return {
    output: toTable([['ID', 'NAME', 'SCOPES', 'CREATED', 'EXPIRES'], ...rows]),
    note: suspicionOf(mode).join('\n'),
  }
}

function endOf({ expiresAt }: ApiKey, now: Date): string {
  if (expiresAt === undefined) return 'never'
  return Date.parse(expiresAt) > now.getTime() ? expiresAt : `${expiresAt} (over)`
}

function toTable(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: string[]): string => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
  return rows.map((row) => line(row).trimEnd()).join('\n')
}

function revoke(path: string, isMeant: (key: ApiKey) => boolean, which: string): Said {
  let revoked: ApiKey[] = []
  const file = changeKeyFile(path, (keys) => {
    revoked = keys.filter(isMeant)
    if (revoked.length === 0) throw new CommandRefused(`There is no key ${which}`)
    return keys.filter((key) => !isMeant(key))
  })
  const output = revoked.map((key) => `Revoked ${idOf(key)} of ${key.name}`).join('\n')
  return { output, note: [...readersOf(file), reachOf(file)].join('\n') }
}
