import { parseArgs } from 'node:util'
import {
  type ApiKey,
  digestOf,
  idOf,
  isKeyScope,
  type KeyScope,
  newSecret,
  SCOPES,
  SCOPES_EXPECTED,
} from './api-key.ts'
import { type ChangedFile, changeKeyFile, isName, isUtcTime, NAME_EXPECTED, octal, readKeyFile } from './key-file.ts'

export const USAGE = `Usage, with API_KEYS_FILE set to the file of the keys:
  npm run keys -- create --name <name> --scope <${SCOPES.join('|')}|consume:SUBSCRIPTION>[,…] [--expires 90d|2026-12-31T00:00:00Z]
  npm run keys -- list
  npm run keys -- revoke --name <name>     every key of that name
  npm run keys -- revoke --id <id>         one key, as "list" shows it`

const DAY_MS = 86_400_000

/** The command cannot be carried out; the message is for the user. */
export class CommandRefused extends Error {
  override name = 'CommandRefused'
}

interface CommandOutput {
  /** For standard output; scripts may use it. */
  output: string
  /** For standard error; read by people. */
  note: string
}

/**
 * Runs a command on the file of API keys.
 * @throws {CommandRefused} when the arguments are wrong, or there is no such key
 * @throws {KeyFileRefused} when the file cannot be read or written
 */
export function runKeysCommand(words: string[], path: string | undefined, now: Date): CommandOutput {
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

/** @returns the options, and as `command` the command followed by the sorted names of its options */
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

function toScopes(given: string[]): KeyScope[] {
  const scopes = [...new Set(given.join().split(','))]
  if (scopes.every(isKeyScope)) return scopes
  throw new CommandRefused(`--scope: must be ${SCOPES_EXPECTED}, with commas between`)
}

/** @param given days from now, or a time */
function toExpiry(given: string, now: Date): string {
  const days = /^([1-9]\d{0,4})d$/.exec(given)?.[1]
  const end = days === undefined ? given : new Date(now.getTime() + Number(days) * DAY_MS).toISOString()
  if (isUtcTime(end) && Date.parse(end) > now.getTime()) return end
  throw new CommandRefused('--expires: must be days, as 90d, or a future time in UTC, as 2026-12-31T00:00:00Z')
}

function create(path: string, name: string, scopes: KeyScope[], now: Date, expires?: string): CommandOutput {
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
  const shown = `Key ${idOf(key)} of ${name} may ${scopes.join(', ')}${until}. The secret is shown only once: the file holds its SHA-256.`
  const hints = others.map((other) => `${name} has an older key too; once nobody uses it: revoke --id ${idOf(other)}`)
  return { output: secret, note: [shown, ...hints, ...readerWarnings(file)].join('\n') }
}

function list(path: string, now: Date): CommandOutput {
  const { keys, mode } = readKeyFile(path)
  const rows = keys.map((key) => [idOf(key), key.name, key.scopes.join(','), key.createdAt, endOf(key, now)])
  return {
    output: toTable([['ID', 'NAME', 'SCOPES', 'CREATED', 'EXPIRES'], ...rows]),
    note: foreignWriteWarning(mode).join('\n'),
  }
}

function endOf({ expiresAt }: ApiKey, now: Date): string {
  if (expiresAt === undefined) return 'never'
  return Date.parse(expiresAt) > now.getTime() ? expiresAt : `${expiresAt} (expired)`
}

function toTable(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: string[]): string => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
  return rows.map((row) => line(row).trimEnd()).join('\n')
}

function revoke(path: string, isMeant: (key: ApiKey) => boolean, which: string): CommandOutput {
  let revoked: ApiKey[] = []
  const file = changeKeyFile(path, (keys) => {
    revoked = keys.filter(isMeant)
    if (revoked.length === 0) throw new CommandRefused(`There is no key ${which}`)
    return keys.filter((key) => !isMeant(key))
  })
  const output = revoked.map((key) => `Revoked ${idOf(key)} of ${key.name}`).join('\n')
  return { output, note: [...readerWarnings(file), reloadNote(file)].join('\n') }
}

/** @returns warnings about who can or could access a file of keys that was just changed; often none */
function readerWarnings({ uid, gid, mode, before }: ChangedFile): string[] {
  if (before === null) {
    if (uid !== 0) return []
    return ['Only root can read the new file. If the service runs as another user, chown it to that user']
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
function reloadNote({ uid, gid, mode }: ChangedFile): string {
  if ((mode & 0o004) !== 0) return 'A running service picks this up within a second'
  const members = (mode & 0o040) === 0 ? '' : `, in group ${gid}`
  const readers = uid === 0 ? `root${members}` : `user ${uid}${members} or root`
  return `A running service picks this up within a second if it runs as ${readers}. Any other cannot read the file (mode ${octal(mode)}): it keeps the old keys, revoked ones included, and logs an error`
}

/** @returns a warning about a file that others could write, or nothing */
function foreignWriteWarning(mode: number): string[] {
  if ((mode & 0o022) === 0) return []
  return [`Others than its owner could write the file (mode ${octal(mode)}): look through its keys, one may be theirs`]
}
