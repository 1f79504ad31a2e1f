import { reasonOf } from '../../kit/reason.ts'
import { UnreadableFile } from './row.ts'

/** The longest byte order mark is this long, and so is what tells apart a file without one. */
const MARK_BYTES = 3

/** Whether a name, such as `windows-1252`, is one of the encodings that can be read. */
export function isEncoding(name: string): boolean {
  try {
    new TextDecoder(name)
    return true
  } catch {
    return false
  }
}

/**
 * Turns the bytes of a text file into UTF-8, without the byte order mark that it may begin with. A mark of UTF-8 or
 * UTF-16 is believed before `encoding`.
 * @param encoding the name of one as `TextDecoder` has it; null stands for UTF-8, which is left as it is: whoever reads
 *   it sees the rows that are not in UTF-8
 * @throws {UnreadableFile} when the bytes are no text in this encoding
 */
export async function* inUtf8(chunks: AsyncIterable<Buffer>, encoding: string | null = null): AsyncIterable<Buffer> {
  let beginning: Buffer | null = Buffer.alloc(0)
  let decode: Decode = unchanged
  for await (const chunk of chunks) {
    if (beginning === null) {
      yield decode(chunk)
      continue
    }
    beginning = Buffer.concat([beginning, chunk])
    // A pipe may give its first bytes one by one.
    if (beginning.length < MARK_BYTES) continue
    decode = decoderFor(beginning, encoding)
    yield decode(beginning)
    beginning = null
  }
  if (beginning !== null && beginning.length > 0) {
    decode = decoderFor(beginning, encoding)
    yield decode(beginning)
  }
  yield decode(null)
}

/** Given null at the end of the file, when a character may be cut off. */
type Decode = (chunk: Buffer | null) => Buffer

const unchanged: Decode = (chunk) => chunk ?? Buffer.alloc(0)

function decoderFor(beginning: Buffer, encoding: string | null): Decode {
  const [first, second, third] = beginning
  if (first === 0x1f && second === 0x8b) {
    throw new UnreadableFile('The file is compressed. Unpack it, or let zcat write to an import of -')
  }
  if (first === 0xef && second === 0xbb && third === 0xbf) return withoutMark(MARK_BYTES)
  if (first === 0xff && second === 0xfe) return decoder('utf-16le')
  if (first === 0xfe && second === 0xff) return decoder('utf-16be')
  if (encoding !== null && new TextDecoder(encoding).encoding !== 'utf-8') return decoder(encoding)
  // Every format begins with a character of ASCII, beside which UTF-16 has a zero.
  if (second === 0 && first !== 0) return decoder('utf-16le')
  if (first === 0 && second !== 0) return decoder('utf-16be')
  return unchanged
}

function withoutMark(length: number): Decode {
  let isFirst = true
  return (chunk) => {
    if (chunk === null || !isFirst) return unchanged(chunk)
    isFirst = false
    return chunk.subarray(length)
  }
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
