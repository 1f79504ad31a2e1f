import { isUtf8 } from 'node:buffer'
import { canonicalDecimal } from './decimal.ts'
import { describeFault } from './json-fault.ts'

/** A JSON number that a double would make another concentration of, kept as it was written. */
export class JsonNumber {
  readonly source: string
  constructor(source: string) {
    this.source = source
  }
}

// A double gives back any decimal of up to 15 significant digits; only a longer run of digits needs a second look.
const LONG_NUMBER = /[\d.]{16}/

/**
 * Parses a JSON text without losing a digit of a concentration: a number of which a double would make another one
 * comes back as `JsonNumber`, whatever else the text holds.
 * @throws {SyntaxError} when the bytes are no UTF-8, no JSON, or nested too deeply to be read; its message says where
 */
export function parseExactJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new SyntaxError('it is not UTF-8')
  const text = bytes.toString('utf8', hasMark(bytes) ? 3 : 0)
  try {
    if (!LONG_NUMBER.test(text)) return JSON.parse(text)
    return JSON.parse(text, keepExact as Parameters<typeof JSON.parse>[1])
  } catch (error) {
    throw new SyntaxError(describeFault(text, error as Error), { cause: error })
  }
}

/** Whether a text begins with a byte order mark, which is no part of it. */
const hasMark = (bytes: Buffer): boolean => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf

function keepExact(_key: string, value: unknown, { source }: { source: string }): unknown {
  const isExact = typeof value !== 'number' || canonicalDecimal(source) === canonicalDecimal(String(value))
  return isExact ? value : new JsonNumber(source)
}
