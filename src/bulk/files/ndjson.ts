import { reasonOf } from '../../kit/reason.ts'
import { linesOf, type RowText } from './lines.ts'
import { type Entry, unreadable } from './row.ts'

/** No formula within the service's limits is longer, however it is written. */
export const MAX_ROW_BYTES = 4 * 1024 * 1024

const BLANK = /^[ \t]*$/
const FINGERPRINT = /^[0-9a-f]{64}$/

/** Reads a file with one formula per line. Skips blank lines. */
export async function* readNdjson(read: () => AsyncIterable<Buffer>): AsyncIterable<Entry[]> {
  for await (const lines of linesOf(read(), MAX_ROW_BYTES)) {
    yield lines.filter(({ text }) => text === null || !BLANK.test(text)).map(jsonRow)
  }
}

/**
 * Makes a row of the JSON text of one formula. The text itself is sent, because a parsed number would have lost digits.
 * It is parsed only to be sure that it cannot break the list it is sent in.
 */
export function jsonRow({ line, text, isUtf8 }: RowText): Entry {
  if (text === null) return unreadable(line, `The formula has more than ${MAX_ROW_BYTES} bytes`)
  if (!isUtf8)
    return unreadable(line, 'The formula is not in UTF-8. For a file in another encoding there is --encoding')
  try {
    return { line, json: withoutServiceFields(JSON.parse(text)) ?? text.trimEnd() }
  } catch (error) {
    return unreadable(line, `This is not JSON: ${reasonOf(error).replace(/\s+/g, ' ')}`)
  }
}

/**
 * Removes `id` and `createdAt`, which nobody may submit, from a formula as the service exports it. Its concentrations are
 * strings, so no digit is lost.
 * @returns null for anything else
 */
function withoutServiceFields(value: unknown): string | null {
  const { id, createdAt, ...formula } = (value ?? {}) as Record<string, unknown>
  if (typeof id !== 'string' || !FINGERPRINT.test(id) || typeof createdAt !== 'string') return null
  const { materials } = formula
  const isExact = Array.isArray(materials) && materials.every((material) => typeof material?.concentration === 'string')
  return isExact ? JSON.stringify(formula) : null
}
