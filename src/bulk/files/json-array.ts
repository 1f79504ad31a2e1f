import { jsonRow } from './json-row.ts'
import { type Entry, UnreadableFile, unreadable } from './row.ts'
import { RowBytes } from './row-bytes.ts'

/** Reads a file with a JSON array of formulas, or with a list as the service gives it. */
export async function* readJsonArray(read: () => AsyncIterable<Buffer>): AsyncIterable<Entry[]> {
  const array = new ArrayText()
  for await (const chunk of read()) yield array.read(chunk)
  yield array.end()
}

const [LINE_FEED, QUOTE, BACKSLASH, COMMA] = [10, 0x22, 0x5c, 0x2c]
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]

const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

/** What stands before and after the array in a list of the service. */
const LIST_HEAD = /^\{\s*"formulas"\s*:$/
const LIST_FOOT = /^(?:,\s*"nextCursor"\s*:\s*(null|"[^"]*")\s*)?\}$/
const MOST_AROUND = 1_000

/**
 * Cuts an array into the texts of its members by brackets and quotes alone. Numbers are never looked at, so they stay
 * as they are written, and each member is known by its line.
 */
class ArrayText {
  #place: 'before' | 'first' | 'next' | 'member' | 'string' | 'escape' | 'after' | 'garbage' = 'before'
  /** The text before the array, and after it, where there is some. */
  #head = ''
  #foot = ''
  #aroundLine = 1
  #line = 1
  #memberLine = 1
  #depth = 0
  #start = 0
  readonly #member = new RowBytes()

  /** The members that end in this chunk. */
  read(chunk: Buffer): Entry[] {
    const entries: Entry[] = []
    this.#start = 0
    for (let index = 0; index < chunk.length; index++) {
      const byte = chunk[index] as number
      this.#step(byte, index, chunk, entries)
      if (byte === LINE_FEED) this.#line++
    }
    if (this.#isWithinMember) this.#member.add(chunk.subarray(this.#start))
    return entries
  }

  /** What is wrong with the end of the file. */
  end(): Entry[] {
    if (this.#place === 'before' && this.#head !== '') throw this.#noArray()
    if (this.#place === 'before') throw new UnreadableFile('The file holds no JSON array')
    if (this.#place === 'after' || this.#place === 'garbage') return this.#endOfText()
    return this.#isWithinMember
      ? [
          endingAt(
            this.#memberLine,
            'The file is cut off within this formula, or a bracket is missing: nothing below was read',
          ),
        ]
      : [endingAt(this.#line, 'The file ends before its array does: it is cut off')]
  }

  #endOfText(): Entry[] {
    if (this.#head + this.#foot === '') return []
    const [isList, cursor] = (this.#head === '' ? null : LIST_FOOT.exec(this.#foot.trim())) ?? []
    if (this.#foot === '') return [endingAt(this.#line, 'The file ends before its list does: it is cut off')]
    if (isList === undefined) return [endingAt(this.#aroundLine, 'There is text after the end of the array')]
    if (cursor === undefined || cursor === 'null') return []
    const message = 'This is one page of a longer list: its nextCursor is not null. npm run export writes all of it'
    return [endingAt(this.#aroundLine, message)]
  }

  get #isWithinMember(): boolean {
    return this.#place === 'member' || this.#place === 'string' || this.#place === 'escape'
  }

  #step(byte: number, index: number, chunk: Buffer, entries: Entry[]): void {
    switch (this.#place) {
      case 'string':
        if (byte === QUOTE) this.#place = 'member'
        else if (byte === BACKSLASH) this.#place = 'escape'
        return
      case 'escape':
        this.#place = 'string'
        return
      case 'member':
        this.#within(byte, index, chunk, entries)
        return
      case 'first':
      case 'next':
        if (!isBlank(byte)) this.#between(byte, index, entries)
        return
      case 'before':
        this.#before(byte)
        return
      case 'after':
      case 'garbage':
        this.#after(byte)
    }
  }

  #before(byte: number): void {
    if (byte === OPEN_LIST && (this.#head === '' || LIST_HEAD.test(this.#head.trim()))) this.#place = 'first'
    else if (this.#head !== '' || !isBlank(byte)) {
      if (this.#head === '') this.#aroundLine = this.#line
      this.#head += String.fromCharCode(byte)
      if (isNoHead(this.#head)) throw this.#noArray()
    }
  }

  #noArray(): UnreadableFile {
    return new UnreadableFile(`Line ${this.#aroundLine}: a JSON array begins with "["`)
  }

  #after(byte: number): void {
    if (this.#place === 'after' && byte === OPEN_LIST && this.#head === '') this.#place = 'first'
    else if (this.#place === 'garbage' || !isBlank(byte)) {
      if (this.#place === 'after') this.#aroundLine = this.#line
      this.#place = 'garbage'
      if (this.#foot.length < MOST_AROUND) this.#foot += String.fromCharCode(byte)
    }
  }

  #between(byte: number, index: number, entries: Entry[]): void {
    const isEnd = byte === CLOSE_LIST
    if (byte === COMMA || (isEnd && this.#place === 'next')) {
      entries.push(unreadable(this.#line, 'A formula is missing beside this comma'))
    }
    if (isEnd) this.#place = 'after'
    else if (byte === COMMA) this.#place = 'next'
    else {
      this.#start = index
      this.#memberLine = this.#line
      this.#depth = 0
      this.#place = 'member'
      if (byte === QUOTE) this.#place = 'string'
      else if (byte === OPEN_OBJECT || byte === OPEN_LIST) this.#depth = 1
    }
  }

  #within(byte: number, index: number, chunk: Buffer, entries: Entry[]): void {
    if (byte === QUOTE) this.#place = 'string'
    else if (byte === OPEN_OBJECT || byte === OPEN_LIST) this.#depth++
    else if (this.#depth > 0) {
      if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) this.#depth--
    } else if (byte === COMMA || byte === CLOSE_LIST) {
      this.#member.add(chunk.subarray(this.#start, index))
      entries.push(jsonRow(this.#member.take(), this.#memberLine))
      this.#place = byte === COMMA ? 'next' : 'after'
    }
  }
}

const endingAt = (line: number, message: string): Entry => ({ ...unreadable(line, message), isEnd: true })

const isNoHead = (head: string): boolean =>
  head !== '' && (!head.startsWith('{') || head.endsWith('[') || head.length > MOST_AROUND)
