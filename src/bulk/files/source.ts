import { randomUUID } from 'node:crypto'
import { closeSync, createReadStream, openSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addAbortSignal, type Readable } from 'node:stream'
import { reasonOf } from '../../kit/reason.ts'
import { Interrupted } from '../service.ts'
import { UnreadableFile } from './row.ts'

/**
 * A file, or standard input for `-`, read with backpressure. A pipe that has to be read twice is copied to an unnamed
 * temporary file, which only its owner can read and which disappears with the process.
 */
export class Source {
  /** Bytes to read, over all readings; null if unknown. */
  readonly size: number | null
  bytesRead = 0
  readonly #path: string
  readonly #times: 1 | 2
  readonly #stop: AbortSignal
  /** The descriptor of a copy that is not being read yet. */
  #copy: number | null = null

  /**
   * @param times how often it will be read
   * @param stop ends the reading early
   * @throws {UnreadableFile} when there is no such file
   */
  constructor(path: string, times: 1 | 2, stop: AbortSignal) {
    this.#path = path
    this.#times = times
    this.#stop = stop
    try {
      const stats = path === '-' ? null : statSync(path)
      this.size = stats?.isFile() ? stats.size * times : null
    } catch (error) {
      throw new UnreadableFile(reasonOf(error), { cause: error })
    }
  }

  /**
   * Reads it from its beginning.
   * @throws {UnreadableFile}
   * @throws {Interrupted} when stopped: as an end of the file, readers would refuse what is cut off there
   */
  async *read(): AsyncIterable<Buffer> {
    if (this.#copy !== null) {
      const fd = this.#copy
      this.#copy = null
      return yield* this.#chunks(createReadStream('', { fd, start: 0 }))
    }
    const stream = this.#path === '-' ? process.stdin : createReadStream(this.#path)
    if (this.size !== null || this.#times === 1) return yield* this.#chunks(stream)
    this.#copy = openTemporary()
    for await (const chunk of this.#chunks(stream)) {
      writeFileSync(this.#copy, chunk)
      yield chunk
    }
  }

  close(): void {
    if (this.#copy !== null) closeSync(this.#copy)
  }

  async *#chunks(stream: Readable): AsyncIterable<Buffer> {
    try {
      for await (const chunk of addAbortSignal(this.#stop, stream)) {
        this.bytesRead += chunk.length
        yield chunk
      }
    } catch (error) {
      if (this.#stop.aborted) throw new Interrupted()
      throw new UnreadableFile(reasonOf(error), { cause: error })
    }
  }
}

/** A new file without a name: nobody else can open it, and nothing is left of it however the process ends. */
function openTemporary(): number {
  const path = join(tmpdir(), `import-${randomUUID()}`)
  const descriptor = openSync(path, 'wx+', 0o600)
  rmSync(path)
  return descriptor
}
