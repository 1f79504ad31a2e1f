/** Splits a stream of PostgreSQL's protocol into its messages: a type, the length of the rest, and the rest. */
export class Messages {
  #buffer: Buffer = Buffer.alloc(0)
  /** How many bytes the type takes: a client's first message has none. */
  #typeBytes: 0 | 1

  constructor(typeBytes: 0 | 1 = 1) {
    this.#typeBytes = typeBytes
  }

  push(chunk: Buffer): Buffer[] {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
    const messages: Buffer[] = []
    for (;;) {
      if (this.#buffer.length < this.#typeBytes + 4) return messages
      const length = this.#typeBytes + this.#buffer.readInt32BE(this.#typeBytes)
      if (this.#buffer.length < length) return messages
      messages.push(this.#buffer.subarray(0, length))
      this.#buffer = this.#buffer.subarray(length)
      this.#typeBytes = 1
    }
  }
}

/** Types of messages that are sent together for one statement with values, and the one that ends them. */
const PARSE = 'P'
const PARTS = 'PBDECH'
const SYNC = 'S'
/** A statement in one message. */
const QUERY = 'Q'

const typeOf = (message: Buffer): string => String.fromCharCode(message[0] ?? 0)

/** "Ready for query": the server has carried out a statement, and committed unless it is within a transaction. */
export const isEndOfAnswer = (message: Buffer): boolean => typeOf(message) === 'Z'

/** Whether a transaction is open when the server is ready for the next query. */
export const isWithinTransaction = (ready: Buffer): boolean => String.fromCharCode(ready[5] ?? 0) !== 'I'

/** Splits what a client sends into statements and other messages; the text of those is null. */
export class Statements {
  readonly #messages = new Messages(0)
  #isOpen = false
  #parts: Buffer[] = []
  #text = ''

  push(chunk: Buffer): { bytes: Buffer; text: string | null }[] {
    return this.#messages.push(chunk).flatMap((message) => this.#next(message))
  }

  #next(message: Buffer): { bytes: Buffer; text: string | null }[] {
    if (!this.#isOpen) {
      this.#isOpen = true
      return [{ bytes: message, text: null }]
    }
    const type = typeOf(message)
    if (type === QUERY) return [{ bytes: message, text: textAt(message, 5) }]
    if (type === PARSE) this.#text = textAt(message, message.indexOf(0, 5) + 1)
    if (PARTS.includes(type)) {
      this.#parts.push(message)
      return []
    }
    if (type !== SYNC) return [{ bytes: message, text: null }]
    const bytes = Buffer.concat([...this.#parts, message])
    this.#parts = []
    return [{ bytes, text: this.#text }]
  }
}

const textAt = (message: Buffer, from: number): string => message.toString('utf8', from, message.indexOf(0, from))
