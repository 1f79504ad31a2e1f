import { readFileSync } from 'node:fs'
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { reasonOf } from '../kit/reason.ts'
import { FORMATS, type Format } from './files/formats.ts'

/** How to reach the service; common to both commands. */
export interface ServiceOptions {
  url: URL
  apiKey: string | null
  /** Infinity for never. */
  giveUpAfterMs: number
}

/** Options that cannot be used; the message is for the user. */
export class BadOptions extends Error {}

export const commonOptions = {
  url: { type: 'string', default: 'http://127.0.0.1:3000' },
  'key-file': { type: 'string' },
  'give-up-after': { type: 'string' },
  format: { type: 'string' },
  delimiter: { type: 'string' },
  decimal: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

export const SERVICE_USAGE = `  --url URL              the service (http://127.0.0.1:3000)
  --key-file FILE        file with the API key (default: the environment variable API_KEY, if set)
  --give-up-after N      seconds to wait for a service that does not answer (for ever)
  --help`

/** @throws {BadOptions} for an unknown option */
export function parse<const O extends NonNullable<ParseArgsConfig['options']>>(args: string[], options: O) {
  try {
    return parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    throw new BadOptions(reasonOf(error))
  }
}

type ServiceValues = { url: string; 'key-file'?: string | undefined; 'give-up-after'?: string | undefined }

export function readServiceOptions(values: ServiceValues, environment: NodeJS.ProcessEnv): ServiceOptions {
  const giveUpAfter = values['give-up-after']
  const seconds = giveUpAfter === undefined ? Infinity : readInteger('--give-up-after', giveUpAfter, 0, 31_536_000)
  return { url: readUrl(values.url), apiKey: readKey(values['key-file'], environment), giveUpAfterMs: seconds * 1000 }
}

function readUrl(text: string): URL {
  const url = URL.parse(text)
  if (url !== null && /^https?:$/.test(url.protocol) && !url.username && !url.search && !url.hash) return url
  throw new BadOptions('--url must be an http or https URL')
}

function readKey(file: string | undefined, environment: NodeJS.ProcessEnv): string | null {
  const key = file === undefined ? environment.API_KEY : readKeyFile(file).trim()
  if (!key) return null
  if (/^[\x21-\x7e]+$/.test(key)) return key
  throw new BadOptions('The API key must be a single word')
}

function readKeyFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new BadOptions(`The key file cannot be read: ${reasonOf(error)}`)
  }
}

/** @param fromName the format that the file name implies; null if it implies none */
export function readFormat(text: string | undefined, fromName: Format | null): Format {
  const format = text === undefined ? fromName : FORMATS.find((known) => known === text)
  if (format === undefined) throw new BadOptions(`--format must be one of ${FORMATS.join(', ')}`)
  if (format === null) throw new BadOptions(`The file name does not imply a format: add --format ${FORMATS.join('|')}`)
  return format
}

export function readDelimiter(text: string): string {
  if (text === '\\t' || text.toLowerCase() === 'tab') return '\t'
  if (Buffer.byteLength(text) === 1 && !'"\r\n'.includes(text)) return text
  throw new BadOptions('--delimiter must be one ASCII character and no quote, or tab')
}

export function readDecimal(text = '.'): '.' | ',' {
  if (text === '.' || text === ',') return text
  throw new BadOptions('--decimal must be . or ,')
}

export function readInteger(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN
  if (value >= min && value <= max) return value
  throw new BadOptions(`${name} must be an integer from ${min} to ${max}`)
}
