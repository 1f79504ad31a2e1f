import { reasonOf } from '../../kit/reason.ts'
import { UnreadableFile } from './row.ts'

/** As long as the longest byte order mark. */
const HEAD_BYTES = 3

/** Whether `TextDecoder` knows an encoding of this name. */
export function isEncoding(name: string): boolean {
  try {
    new TextDecoder(name)
    return true
  } catch {
    return false
  }
}

/**
 * Converts a text file to UTF-8 without a byte order mark. A mark of UTF-8 or UTF-16 takes precedence over `encoding`.
 * @param encoding a name that `TextDecoder` knows; null for UTF-8, which is passed on unchecked, so that the reader can
 *   name the rows that are not in UTF-8
 * @throws {UnreadableFile} when the bytes are not valid in this encoding
 */
export async function* inUtf8(chunks: AsyncIterable<Buffer>, encoding: string | null = null): AsyncIterable<Buffer> {
  let decode: Decode | null = null
  for await (const chunk of withWholeHead(chunks)) {
    if (decode !== null) {
      yield decode(chunk)
      continue
    }
    decode = decoderFor(chunk, encoding)
    yield decode(hasUtf8Mark(chunk) ? chunk.subarray(HEAD_BYTES) : chunk)
  }
  if (decode !== null) yield decode(null)
}

/** Makes the first chunk long enough to recognise the encoding: a pipe may deliver single bytes. */
async function* withWholeHead(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  let head: Buffer | null = Buffer.alloc(0)
  for await (const chunk of chunks) {
    if (head === null) yield chunk
    else {
      head = Buffer.concat([head, chunk])
      if (head.length < HEAD_BYTES) continue
      yield head
      head = null
    }
  }
  if (head !== null && head.length > 0) yield head
}

/** Called with null at the end of the file, where a character may be cut off. */
type Decode = (chunk: Buffer | null) => Buffer

const hasUtf8Mark = ([first, second, third]: Buffer): boolean => first === 0xef && second === 0xbb && third === 0xbf

function decoderFor(head: Buffer, encoding: string | null): Decode {
  const [first, second] = head
  if (first === 0x1f && second === 0x8b) {
    throw new UnreadableFile('The file is compressed. Unpack it, or pipe it through zcat into an import of -')
  }
  const unchanged: Decode = (chunk) => chunk ?? Buffer.alloc(0)
  if (hasUtf8Mark(head)) return unchanged
  if (first === 0xff && second === 0xfe) return decoder('utf-16le')
  if (first === 0xfe && second === 0xff) return decoder('utf-16be')
  if (encoding !== null && new TextDecoder(encoding).encoding !== 'utf-8') return decoder(encoding)
  // Every format begins with an ASCII character, whose other byte is zero in UTF-16.
  if (second === 0 && first !== 0) return decoder('utf-16le')
  if (first === 0 && second !== 0) return decoder('utf-16be')
  return unchanged
}

function decoder(encoding: string): Decode {
  const text = new TextDecoder(encoding, { fatal: true })
  return (chunk) => {
    try {
      return Buffer.from(chunk === null ? text.decode() : text.decode(chunk, { stream: true }))
    } catch (error) {
      throw new UnreadableFile(`The file is not in ${text.encoding}: ${reasonOf(error)}`, { cause: error })
    }
  }
}
