import { createReadStream, statSync } from 'node:fs'
import { reasonOf } from '../../errors/reason.ts'
import { UnreadableFile } from './row.ts'

/** A file, or standard input, that is read no faster than it is asked for. */
export interface Source {
  chunks: AsyncIterable<Buffer>
  /** In bytes; null where nobody knows. */
  size: number | null
  /** How many bytes have been read so far. */
  readonly bytesRead: number
}

const CHUNK_BYTES = 64 * 1024
const UTF8_MARK = Buffer.from([0xef, 0xbb, 0xbf])

/**
 * Opens a file, or standard input for `-`.
 * @param stop ends the reading early; what was read until then counts
 * @throws {UnreadableFile} when there is no such file
 */
export function openSource(path: string, stop: AbortSignal): Source {
  let bytesRead = 0
  async function* chunks(): AsyncIterable<Buffer> {
    const stream = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: CHUNK_BYTES })
    const end = () => stream.destroy()
    stop.addEventListener('abort', end, { once: true })
    try {
      for await (const chunk of stream) {
        bytesRead += chunk.length
        yield chunk
        if (stop.aborted) return
      }
    } catch (error) {
      // Reading that was told to end, ends like this.
      if (!stop.aborted) throw new UnreadableFile(reasonOf(error), { cause: error })
    } finally {
      stop.removeEventListener('abort', end)
    }
  }
  return {
    chunks: withoutMark(chunks()),
    size: path === '-' ? null : sizeOf(path),
    get bytesRead() {
      return bytesRead
    },
  }
}

function sizeOf(path: string): number | null {
  try {
    const found = statSync(path)
    return found.isFile() ? found.size : null
  } catch (error) {
    throw new UnreadableFile(reasonOf(error), { cause: error })
  }
}

/**
 * Takes away the byte order mark that a file may begin with: it is no part of its text.
 * @throws {UnreadableFile} when the file begins like one that is not in UTF-8
 */
export async function* withoutMark(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  let beginning: Buffer | null = Buffer.alloc(0)
  for await (const chunk of chunks) {
    if (beginning === null) yield chunk
    else {
      beginning = Buffer.concat([beginning, chunk])
      // A pipe may give its first bytes one by one.
      if (beginning.length < UTF8_MARK.length) continue
      refuseOtherEncodings(beginning)
      const hasMark = beginning.subarray(0, UTF8_MARK.length).equals(UTF8_MARK)
      yield hasMark ? beginning.subarray(UTF8_MARK.length) : beginning
      beginning = null
    }
  }
  if (beginning !== null && beginning.length > 0) yield beginning
}

function refuseOtherEncodings([first, second]: Buffer): void {
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw new UnreadableFile('The file is in UTF-16. Save it in UTF-8')
  }
  if (first === 0x1f && second === 0x8b) {
    throw new UnreadableFile('The file is compressed. Unpack it, or let zcat write to an import of -')
  }
}
