import { isFingerprint } from '../../formula/identity.ts'
import { reasonOf } from '../../kit/reason.ts'
import { append, linesOf, type RowBytes, type RowText, rowText } from './lines.ts'
import { type Entry, UnreadableFile, unreadable } from './row.ts'

/** No formula within the service's limits is longer, however it is escaped. */
const MAX_ROW_BYTES = 4 * 1024 * 1024

/** Reads a file with one formula per line. Skips blank lines. */
export async function* readNdjson(read: () => AsyncIterable<Buffer>): AsyncIterable<Entry[]> {
  for await (const lines of linesOf(read(), MAX_ROW_BYTES)) {
    yield lines.filter(({ text }) => text === null || !/^[ \t]*$/.test(text)).map(jsonRow)
  }
}

/** Reads a file with a JSON array of formulas, or with a list as the service returns it. */
export async function* readJsonArray(read: () => AsyncIterable<Buffer>): AsyncIterable<Entry[]> {
  const splitter = new ArraySplitter()
  for await (const chunk of read()) yield splitter.read(chunk.toString('latin1'))
  yield splitter.end()
}

/**
 * Makes a row of the JSON text of one formula. The text itself is sent, because a parsed number would have lost digits.
 * It is parsed only to be sure that it cannot break the list it is sent in.
 */
function jsonRow({ line, text, isUtf8 }: RowText): Entry {
  if (text === null) return unreadable(line, `The formula has more than ${MAX_ROW_BYTES} bytes`)
  if (!isUtf8) {
    return unreadable(line, 'The formula is not in UTF-8. For another encoding add --encoding')
  }
  try {
    return { line, json: withoutServiceFields(JSON.parse(text)) ?? text.trimEnd() }
  } catch (error) {
    return unreadable(line, `This is not JSON: ${reasonOf(error).replace(/\s+/g, ' ')}`)
  }
}

/**
 * Removes what nobody may submit from a formula as the service exports it. Its concentrations are strings, so no digit is
 * lost.
 * @returns null for anything else
 */
function withoutServiceFields(value: unknown): string | null {
  const { id, createdAt, submittedBy: _, derivedFrom: __, ...formula } = (value ?? {}) as Record<string, unknown>
  if (typeof id !== 'string' || !isFingerprint(id) || typeof createdAt !== 'string') return null
  const { materials } = formula
  const isExact = Array.isArray(materials) && materials.every((material) => typeof material?.concentration === 'string')
  return isExact ? JSON.stringify(formula) : null
}

/** Characters that structure JSON, and the text between them. */
const TOKENS = /["\\\n[\]{},]|[^"\\\n[\]{},]+/g

/** Placeholder for an array in the text around it. It cannot occur there: the file is read as Latin-1. */
const ARRAY = '…'
/** The text that may stand before an array. */
const BEFORE_ARRAY = /^…?$|^\{\s*"formulas"\s*:\s*$/
/** A list that the service returned. */
const LIST = /^\{\s*"formulas"\s*:\s*…(?:\s*,\s*"nextCursor"\s*:\s*(null|"[^"]*"))?\s*\}\s*$/
const MAX_TEXT_AROUND = 1_000

/**
 * Splits an array into the texts of its members by brackets and quotes alone. Numbers are not parsed, so they keep their
 * digits, and the line of each member is known.
 */
class ArraySplitter {
  #place: 'around' | 'first' | 'next' | 'member' | 'string' | 'escape' = 'around'
  /** The text outside of the array, and the line on which its last part begins. */
  #around = ''
  #aroundLine = 1
  #line = 1
  #member: RowBytes = ''
  #memberLine = 1
  #depth = 0

  /** @returns the members that end in this chunk */
  read(chunk: string): Entry[] {
    const entries: Entry[] = []
    for (const token of chunk.match(TOKENS) ?? []) {
      if (this.#place === 'around') this.#readAround(token)
      else if (this.#place === 'first' || this.#place === 'next') this.#readBetween(token, entries)
      else this.#readMember(token, entries)
      if (token === '\n') this.#line++
    }
    return entries
  }

  /** @returns a problem if the file does not end after its array */
  end(): Entry[] {
    if (this.#place === 'first' || this.#place === 'next') {
      return endAt(this.#line, 'The file ends before its array does: it is cut off')
    }
    if (this.#place !== 'around') {
      const message = 'The file is cut off within this formula, or a bracket is missing: nothing below was read'
      return endAt(this.#memberLine, message)
    }
    if (this.#around === '') throw new UnreadableFile('The file holds no JSON array')
    if (!this.#around.includes(ARRAY)) throw this.#noArray()
    if (this.#around === ARRAY) return []
    if (this.#around.endsWith(ARRAY)) return endAt(this.#line, 'The file ends before its list does: it is cut off')
    const [list, cursor = 'null'] = LIST.exec(this.#around) ?? []
    if (list === undefined) return endAt(this.#aroundLine, 'There is text after the end of the array')
    if (cursor === 'null') return []
    const message = 'This is one page of a longer list: its nextCursor is not null. npm run export writes all of it'
    return endAt(this.#aroundLine, message)
  }

  #readAround(token: string): void {
    if (token === '[' && BEFORE_ARRAY.test(this.#around)) {
      if (this.#around === ARRAY) this.#around = ''
      this.#place = 'first'
      return
    }
    const isBegun = this.#around !== '' && !this.#around.endsWith(ARRAY)
    const text = isBegun ? token : withoutBlanks(token)
    if (text === '') return
    if (!isBegun) this.#aroundLine = this.#line
    if (this.#around.length <= MAX_TEXT_AROUND) this.#around += text
    const isList = this.#around.startsWith('{') && token !== '[' && this.#around.length <= MAX_TEXT_AROUND
    if (!isList && !this.#around.includes(ARRAY)) throw this.#noArray()
  }

  #noArray(): UnreadableFile {
    return new UnreadableFile(`Line ${this.#aroundLine}: a JSON array begins with "["`)
  }

  #readBetween(token: string, entries: Entry[]): void {
    const text = withoutBlanks(token)
    if (text === '') return
    if (text === ',' || (text === ']' && this.#place === 'next')) {
      entries.push(unreadable(this.#line, 'A formula is missing beside this comma'))
    }
    if (text === ']') this.#endArray()
    else if (text === ',') this.#place = 'next'
    else {
      this.#place = 'member'
      this.#member = ''
      this.#memberLine = this.#line
      this.#depth = 0
      this.#readMember(text, entries)
    }
  }

  #readMember(token: string, entries: Entry[]): void {
    if (this.#place === 'member' && this.#depth === 0 && (token === ',' || token === ']')) {
      entries.push(jsonRow(rowText(this.#memberLine, this.#member)))
      if (token === ',') this.#place = 'next'
      else this.#endArray()
      return
    }
    this.#member = append(this.#member, token, MAX_ROW_BYTES)
    if (this.#place === 'escape') this.#place = 'string'
    else if (this.#place === 'string') {
      if (token === '"') this.#place = 'member'
      if (token === '\\') this.#place = 'escape'
    } else if (token === '"') this.#place = 'string'
    else if (token === '{' || token === '[') this.#depth++
    else if (token === '}' || token === ']') this.#depth = Math.max(0, this.#depth - 1)
  }

  #endArray(): void {
    this.#around += ARRAY
    this.#place = 'around'
  }
}

const withoutBlanks = (token: string): string => token.replace(/^[ \t\r\n]+/, '')

const endAt = (line: number, message: string): Entry[] => [{ ...unreadable(line, message), isEnd: true }]
