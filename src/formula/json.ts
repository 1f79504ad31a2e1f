import { isUtf8 } from 'node:buffer'
import { visit } from 'jsonc-parser'
import { invalidJson, ServiceError } from '../errors/service-error.ts'
import { canonicalDecimal } from './decimal.ts'

/** A JSON number as it was written: as a double, it would be a different concentration. */
export class JsonNumber {
  readonly source: string
  constructor(source: string) {
    this.source = source
  }
}

const LONG_NUMBER = /[\d.]{16}/

/**
 * Whether a text may have a number that a double would change: one of more than 15 significant digits. Every run of 16
 * characters includes one whose index is a multiple of 16, so only these are looked at.
 */
function hasLongNumber(text: string): boolean {
  for (let at = 0; at < text.length; at += 16) {
    const code = text.charCodeAt(at)
    const isInNumber = (code >= 48 && code <= 57) || code === 46
    if (isInNumber && LONG_NUMBER.test(text.slice(Math.max(0, at - 15), at + 16))) return true
  }
  return false
}

/**
 * Parses JSON without rounding concentrations: a number that a double would change is returned as `JsonNumber`.
 * @throws {SyntaxError} when the bytes are not UTF-8, not JSON, or nested too deeply; the message says where
 */
export function parseExactJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new SyntaxError('it is not UTF-8')
  const text = bytes.toString('utf8', hasByteOrderMark(bytes) ? 3 : 0)
  try {
    if (!hasLongNumber(text)) return JSON.parse(text)
    return JSON.parse(text, keepExact as Parameters<typeof JSON.parse>[1])
  } catch (error) {
    throw new SyntaxError(describeFault(text, error as Error), { cause: error })
  }
}

const hasByteOrderMark = (bytes: Buffer): boolean => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf

function keepExact(_key: string, value: unknown, { source }: { source: string }): unknown {
  const isExact = typeof value !== 'number' || canonicalDecimal(source) === canonicalDecimal(String(value))
  return isExact ? value : new JsonNumber(source)
}

/**
 * Parses a body without rounding concentrations.
 * @throws {ServiceError} INVALID_JSON
 */
export function readBody(body: Buffer): unknown {
  try {
    return parseExactJson(body)
  } catch (error) {
    throw new ServiceError('INVALID_JSON', { details: [invalidJson((error as SyntaxError).message)] })
  }
}

/** Most messages of `JSON.parse` end like this, but not all. */
const POSITION = /\(line (\d+) column (\d+)\)$/

/** Describes why `JSON.parse` refused a text, without quoting it. */
function describeFault(text: string, error: Error): string {
  if (/^[ \t\r\n]*$/.test(text)) return 'the body is empty'
  if (error instanceof RangeError) return 'it is nested too deeply'
  const [, line, column] = POSITION.exec(error.message) ?? findFault(text) ?? []
  return line === undefined ? 'it is broken' : `it is broken at line ${line}, column ${column}`
}

class Fault extends Error {
  readonly position: readonly [code: number, line: number, column: number]

  constructor(code: number, line: number, column: number) {
    super('The text is not JSON')
    this.position = [code, line + 1, column + 1]
  }
}

/** Finds the first position where a text is not JSON; undefined when it is nested too deeply for the parser. */
function findFault(text: string): Fault['position'] | undefined {
  const onError = (code: number, _offset: number, _length: number, line: number, column: number): never => {
    throw new Fault(code, line, column)
  }
  try {
    visit(text, { onError }, { disallowComments: true })
  } catch (error) {
    if (error instanceof Fault) return error.position
  }
  return undefined
}
