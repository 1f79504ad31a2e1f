import { randomUUID } from 'node:crypto'
import { closeSync, createReadStream, fstatSync, openSync, read, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addAbortSignal, type Readable } from 'node:stream'
import { reasonOf } from '../../kit/reason.ts'
import { UnreadableFile } from './row.ts'

const STANDARD_INPUT = 0

/**
 * A file, or standard input for `-`, that is read no faster than it is consumed. What is not a regular file, but has to
 * be read twice, is copied to a temporary file that only its owner can read and that is gone when the process is.
 */
export class Source {
  /** How many bytes there are to read, over all readings; null where unknown. */
  readonly size: number | null
  bytesRead = 0
  /** Whether the last reading reached the end of the file. */
  isAtEnd = false
  readonly #descriptor: number
  readonly #times: 1 | 2
  readonly #stop: AbortSignal
  #copy: number | null = null

  /**
   * @param times how often it will be read
   * @param stop ends the reading early, without an error
   * @throws {UnreadableFile} when it cannot be opened
   */
  constructor(path: string, times: 1 | 2, stop: AbortSignal) {
    this.#times = times
    this.#stop = stop
    try {
      this.#descriptor = path === '-' ? STANDARD_INPUT : openSync(path, 'r')
      const stats = fstatSync(this.#descriptor)
      this.size = path !== '-' && stats.isFile() ? stats.size * times : null
    } catch (error) {
      throw new UnreadableFile(reasonOf(error), { cause: error })
    }
  }

  /** Reads it from its beginning. */
  read(): AsyncIterable<Buffer> {
    if (this.size !== null) return this.#chunks(bytesOf(this.#descriptor, 0))
    return this.#times === 1 ? this.#chunks(this.#stream()) : this.#copied()
  }

  close(): void {
    if (this.#copy !== null) closeSync(this.#copy)
    if (this.#descriptor !== STANDARD_INPUT) closeSync(this.#descriptor)
  }

  #stream(): Readable {
    return this.#descriptor === STANDARD_INPUT ? process.stdin : bytesOf(this.#descriptor)
  }

  async *#copied(): AsyncIterable<Buffer> {
    if (this.#copy === null) {
      this.#copy = openTemporary()
      for await (const chunk of this.#chunks(this.#stream())) writeFileSync(this.#copy, chunk)
      if (!this.isAtEnd) return
    }
    yield* this.#chunks(bytesOf(this.#copy, 0))
  }

  async *#chunks(stream: Readable): AsyncIterable<Buffer> {
    this.isAtEnd = false
    try {
      for await (const chunk of addAbortSignal(this.#stop, stream)) {
        this.bytesRead += chunk.length
        yield chunk
      }
      this.isAtEnd = true
    } catch (error) {
      if (!this.#stop.aborted) throw new UnreadableFile(reasonOf(error), { cause: error })
    }
  }
}

/** The stream does not close the descriptor, which may be read again. */
const LEFT_OPEN = { read, close: (_descriptor: number, done: () => void) => done() }

/** @param start omitted for a source without positions, such as a pipe */
const bytesOf = (fd: number, start?: number): Readable =>
  createReadStream('', { fd, fs: LEFT_OPEN, ...(start !== undefined && { start }) })

/** A new file without a name: nobody else can open it, and nothing is left of it however the process ends. */
function openTemporary(): number {
  const path = join(tmpdir(), `import-${randomUUID()}`)
  const descriptor = openSync(path, 'wx+', 0o600)
  rmSync(path)
  return descriptor
}
