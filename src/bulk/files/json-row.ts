import { isUtf8 } from 'node:buffer'
import { reasonOf } from '../../kit/reason.ts'
import { type Entry, unreadable } from './row.ts'
import { MAX_ROW_BYTES } from './row-bytes.ts'

const FINGERPRINT = /^[0-9a-f]{64}$/

/**
 * A row from the JSON text of one formula. The text itself is sent: a parsed number would have lost digits. It is parsed
 * only to be sure that it cannot break the list it is sent in.
 * @param bytes null when there were too many
 */
export function jsonRow(bytes: Buffer | null, line: number): Entry {
  if (bytes === null) return unreadable(line, `The formula has more than ${MAX_ROW_BYTES} bytes`)
  if (!isUtf8(bytes))
    return unreadable(line, 'The formula is not in UTF-8. For a file in another encoding there is --encoding')
  const text = bytes.toString()
  try {
    return { line, json: withoutServiceFields(JSON.parse(text)) ?? text.trimEnd() }
  } catch (error) {
    return unreadable(line, `This is not JSON: ${reasonOf(error).replace(/\s+/g, ' ')}`)
  }
}

/**
 * A stored formula as the service gives it can be imported again: its id and time, which nobody may submit, are left
 * out. Its concentrations are strings, so nothing is lost.
 * @returns null when it is anything else
 */
function withoutServiceFields(value: unknown): string | null {
  const { id, createdAt, ...formula } = (value ?? {}) as Record<string, unknown>
  if (typeof id !== 'string' || !FINGERPRINT.test(id) || typeof createdAt !== 'string') return null
  const { materials } = formula
  const isExact = Array.isArray(materials) && materials.every((material) => typeof material?.concentration === 'string')
  return isExact ? JSON.stringify(formula) : null
}
