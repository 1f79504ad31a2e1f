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
        const isFirst = bytesRead === 0
        bytesRead += chunk.length
        yield isFirst ? withoutMark(chunk) : chunk
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
    chunks: chunks(),
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

/** A file may begin with a byte order mark, which is no part of its text. */
function withoutMark(chunk: Buffer): Buffer {
  const [first, second] = chunk
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw new UnreadableFile('The file is in UTF-16. Save it in UTF-8')
  }
  if (first === 0x1f && second === 0x8b) {
    throw new UnreadableFile('The file is compressed. Unpack it, or let zcat write to an import of -')
  }
  return chunk.subarray(0, UTF8_MARK.length).equals(UTF8_MARK) ? chunk.subarray(UTF8_MARK.length) : chunk
}
