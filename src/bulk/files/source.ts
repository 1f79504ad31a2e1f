import { randomUUID } from 'node:crypto'
import { closeSync, fstatSync, openSync, read, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { reasonOf } from '../../kit/reason.ts'
import { UnreadableFile } from './row.ts'

/** A file, or standard input, that is read no faster than it is asked for. */
export interface Source {
  /** Reads it from its beginning; a second time only where it was opened for that. */
  read(): AsyncIterable<Buffer>
  /** How many bytes there are to read, each as often as it is read; null where nobody knows. */
  size: number | null
  /** How many bytes have been read so far. */
  readonly bytesRead: number
  /** Whether the last reading came to the end of the file. */
  readonly isAtEnd: boolean
  close(): void
}

const CHUNK_BYTES = 64 * 1024

/**
 * Opens a file, or standard input for `-`. What is no file, but has to be read twice, is copied to a temporary one, which
 * only its owner can read and which is gone when the process is.
 * @param times how often it will be read
 * @param stop ends the reading early; what was read until then counts
 * @throws {UnreadableFile} when there is no such file
 */
export function openSource(path: string, times: 1 | 2, stop: AbortSignal): Source {
  const { descriptor, size } = openFile(path)
  let [bytesRead, isAtEnd] = [0, false]
  let copy: number | null = null

  async function* untilStopped(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
    const end = () => process.stdin.destroy()
    if (descriptor === STANDARD_INPUT) stop.addEventListener('abort', end, { once: true })
    isAtEnd = false
    try {
      for await (const chunk of chunks) {
        if (stop.aborted) return
        yield chunk
      }
      isAtEnd = chunks !== process.stdin || process.stdin.readableEnded
    } catch (error) {
      // Reading that was told to end, ends like this.
      if (!stop.aborted) throw new UnreadableFile(reasonOf(error), { cause: error })
    } finally {
      stop.removeEventListener('abort', end)
    }
  }
  const whole = () => untilStopped(descriptor === STANDARD_INPUT ? process.stdin : bytesOf(descriptor, null))
  async function* counted(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
    for await (const chunk of chunks) {
      bytesRead += chunk.length
      yield chunk
    }
  }
  async function* readCopy(): AsyncIterable<Buffer> {
    if (copy === null) {
      copy = openTemporary()
      for await (const chunk of counted(whole())) write(copy, chunk)
      if (!isAtEnd) return
    }
    yield* untilStopped(bytesOf(copy, 0))
  }
  return {
    read() {
      if (size !== null) return counted(untilStopped(bytesOf(descriptor, 0)))
      return times === 1 ? counted(whole()) : readCopy()
    },
    size: size === null ? null : size * times,
    get bytesRead() {
      return bytesRead
    },
    get isAtEnd() {
      return isAtEnd
    },
    close() {
      if (copy !== null) closeSync(copy)
      if (descriptor !== STANDARD_INPUT) closeSync(descriptor)
    },
  }
}

const STANDARD_INPUT = 0

/** @param start null for what can be read once only */
async function* bytesOf(descriptor: number, start: number | null): AsyncIterable<Buffer> {
  for (let position = start; ; ) {
    const { bytesRead, buffer } = await readSome(descriptor, { buffer: Buffer.allocUnsafe(CHUNK_BYTES), position })
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
    if (position !== null) position += bytesRead
  }
}

const readSome = promisify(read)

/** @returns a size only for what can be read from its beginning again */
function openFile(path: string): { descriptor: number; size: number | null } {
  try {
    const descriptor = path === '-' ? STANDARD_INPUT : openSync(path, 'r')
    const found = fstatSync(descriptor)
    return { descriptor, size: path !== '-' && found.isFile() ? found.size : null }
  } catch (error) {
    throw new UnreadableFile(reasonOf(error), { cause: error })
  }
}

/** A new file without a name: nobody else can open it, and nothing is left of it however the process ends. */
function openTemporary(): number {
  const path = join(tmpdir(), `import-${randomUUID()}`)
  const descriptor = openSync(path, 'wx+', 0o600)
  rmSync(path)
  return descriptor
}

function write(descriptor: number, chunk: Buffer): void {
  for (let written = 0; written < chunk.length; ) written += writeSync(descriptor, chunk, written)
}
