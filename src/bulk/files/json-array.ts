import { RowBuffer } from './lines.ts'
import { jsonRow, MAX_ROW_BYTES } from './ndjson.ts'
import { type Entry, UnreadableFile, unreadable } from './row.ts'

/** Reads a file with a JSON array of formulas, or with a list as the service returns it. */
export async function* readJsonArray(read: () => AsyncIterable<Buffer>): AsyncIterable<Entry[]> {
  const splitter = new ArraySplitter()
  for await (const chunk of read()) yield splitter.read(chunk)
  yield splitter.end()
}

const [LINE_FEED, QUOTE, BACKSLASH, COMMA] = [10, 0x22, 0x5c, 0x2c]
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]

const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

/** The text around the array in a list that the service returned. */
const LIST_HEAD = /^\{\s*"formulas"\s*:$/
const LIST_TAIL = /^(?:,\s*"nextCursor"\s*:\s*(null|"[^"]*")\s*)?\}$/
const MAX_TEXT_AROUND = 1_000

/**
 * Splits an array into the texts of its members by brackets and quotes alone. Numbers are not parsed, so they keep their
 * digits, and the line of each member is known.
 */
class ArraySplitter {
  #place: 'before' | 'first' | 'next' | 'member' | 'string' | 'escape' | 'after' = 'before'
  /** The text before the array, and after it. */
  #head = ''
  #tail = ''
  /** Where that text begins. */
  #textLine = 1
  #line = 1
  #memberLine = 1
  /** Where in the chunk the member begins. */
  #start = 0
  #depth = 0
  readonly #member = new RowBuffer(MAX_ROW_BYTES)

  /** @returns the members that end in this chunk */
  read(chunk: Buffer): Entry[] {
    const entries: Entry[] = []
    this.#start = 0
    for (let index = 0; index < chunk.length; index++) {
      const byte = chunk[index] as number
      this.#step(byte, index, chunk, entries)
      if (byte === LINE_FEED) this.#line++
    }
    if (this.#isInMember) this.#member.add(chunk.subarray(this.#start))
    return entries
  }

  /** @returns what is wrong with the end of the file */
  end(): Entry[] {
    if (this.#place === 'after') return this.#checkTail()
    if (this.#place === 'before') {
      throw this.#head === '' ? new UnreadableFile('The file holds no JSON array') : this.#noArray()
    }
    const message = 'The file is cut off within this formula, or a bracket is missing: nothing below was read'
    if (this.#isInMember) return endAt(this.#memberLine, message)
    return endAt(this.#line, 'The file ends before its array does: it is cut off')
  }

  #checkTail(): Entry[] {
    if (this.#head === '') {
      return this.#tail === '' ? [] : endAt(this.#textLine, 'There is text after the end of the array')
    }
    if (this.#tail === '') return endAt(this.#line, 'The file ends before its list does: it is cut off')
    const match = LIST_TAIL.exec(this.#tail.trim())
    if (match === null) return endAt(this.#textLine, 'There is text after the end of the array')
    if (match[1] === undefined || match[1] === 'null') return []
    const message = 'This is one page of a longer list: its nextCursor is not null. npm run export writes all of it'
    return endAt(this.#textLine, message)
  }

  get #isInMember(): boolean {
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
        this.#inMember(byte, index, chunk, entries)
        return
      case 'first':
      case 'next':
        if (!isBlank(byte)) this.#betweenMembers(byte, index, entries)
        return
      case 'before':
        this.#beforeArray(byte)
        return
      case 'after':
        this.#afterArray(byte)
    }
  }

  #beforeArray(byte: number): void {
    if (byte === OPEN_LIST && (this.#head === '' || LIST_HEAD.test(this.#head.trim()))) this.#place = 'first'
    else if (this.#head !== '' || !isBlank(byte)) {
      if (this.#head === '') this.#textLine = this.#line
      this.#head += String.fromCharCode(byte)
      const isListHead = this.#head.startsWith('{') && byte !== OPEN_LIST && this.#head.length <= MAX_TEXT_AROUND
      if (!isListHead) throw this.#noArray()
    }
  }

  #noArray(): UnreadableFile {
    return new UnreadableFile(`Line ${this.#textLine}: a JSON array begins with "["`)
  }

  #afterArray(byte: number): void {
    if (byte === OPEN_LIST && this.#head + this.#tail === '') this.#place = 'first'
    else if (this.#tail !== '' || !isBlank(byte)) {
      if (this.#tail === '') this.#textLine = this.#line
      if (this.#tail.length < MAX_TEXT_AROUND) this.#tail += String.fromCharCode(byte)
    }
  }

  #betweenMembers(byte: number, index: number, entries: Entry[]): void {
    const isEnd = byte === CLOSE_LIST
    if (byte === COMMA || (isEnd && this.#place === 'next')) {
      entries.push(unreadable(this.#line, 'A formula is missing beside this comma'))
    }
    if (isEnd) this.#place = 'after'
    else if (byte === COMMA) this.#place = 'next'
    else {
      this.#start = index
      this.#memberLine = this.#line
      this.#depth = byte === OPEN_OBJECT || byte === OPEN_LIST ? 1 : 0
      this.#place = byte === QUOTE ? 'string' : 'member'
    }
  }

  #inMember(byte: number, index: number, chunk: Buffer, entries: Entry[]): void {
    if (byte === QUOTE) this.#place = 'string'
    else if (byte === OPEN_OBJECT || byte === OPEN_LIST) this.#depth++
    else if (this.#depth > 0) {
      if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) this.#depth--
    } else if (byte === COMMA || byte === CLOSE_LIST) {
      this.#member.add(chunk.subarray(this.#start, index))
      entries.push(jsonRow(this.#member.take(this.#memberLine)))
      this.#place = byte === COMMA ? 'next' : 'after'
    }
  }
}

const endAt = (line: number, message: string): Entry[] => [{ ...unreadable(line, message), isEnd: true }]
