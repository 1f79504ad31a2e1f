import { TextDecoder } from 'node:util'
import { reasonOf } from '../../kit/reason.ts'
import { UnreadableFile } from './row.ts'

/** As long as the longest byte order mark. */
const HEAD_BYTES = 3

/**
 * Converts a text file to UTF-8 without a byte order mark. A mark of UTF-8 or UTF-16 takes precedence over `encoding`.
 * @param encoding the standard name of an encoding; null for UTF-8, which is passed on unchecked, so that the reader can
 *   name the rows that are not in UTF-8
 * @throws {UnreadableFile} when the bytes are not valid in this encoding
 */
export async function* inUtf8(chunks: AsyncIterable<Buffer>, encoding: string | null = null): AsyncIterable<Buffer> {
  let decoder: TextDecoder | null | undefined
  for await (const chunk of withWholeHead(chunks)) {
    let bytes = chunk
    if (decoder === undefined) {
      const head = chunk.toString('latin1', 0, HEAD_BYTES)
      const detected = encodingOf(head, encoding)
      decoder = detected === 'utf-8' ? null : new TextDecoder(detected, { fatal: true })
      if (head === UTF8_MARK) bytes = chunk.subarray(HEAD_BYTES)
    }
    yield decoder === null ? bytes : decode(decoder, bytes)
  }
  if (decoder) yield decode(decoder)
}

/** Makes the first chunk long enough to recognise the encoding: a pipe may deliver single bytes. */
async function* withWholeHead(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  let head = Buffer.alloc(0)
  let isWhole = false
  for await (const chunk of chunks) {
    if (isWhole) yield chunk
    else {
      head = Buffer.concat([head, chunk])
      isWhole = head.length >= HEAD_BYTES
      if (isWhole) yield head
    }
  }
  if (!isWhole && head.length > 0) yield head
}

const UTF8_MARK = '\xef\xbb\xbf'

/** @param head the first bytes of a file, one character per byte */
function encodingOf(head: string, encoding: string | null): string {
  if (head.startsWith('\x1f\x8b')) {
    throw new UnreadableFile('The file is compressed. Unpack it, or pipe it through zcat into an import of -')
  }
  if (head === UTF8_MARK) return 'utf-8'
  if (head.startsWith('\xff\xfe')) return 'utf-16le'
  if (head.startsWith('\xfe\xff')) return 'utf-16be'
  if (encoding !== null && encoding !== 'utf-8') return encoding
  // Every format begins with an ASCII character, whose other byte is zero in UTF-16.
  if (/^[^\0]\0/.test(head)) return 'utf-16le'
  return /^\0[^\0]/.test(head) ? 'utf-16be' : 'utf-8'
}

/** @param bytes omitted at the end of the file, where a character may be cut off */
function decode(decoder: TextDecoder, bytes?: Buffer): Buffer {
  try {
    return Buffer.from(decoder.decode(bytes, { stream: bytes !== undefined }))
  } catch (error) {
    throw new UnreadableFile(`The file is not in ${decoder.encoding}: ${reasonOf(error)}`, { cause: error })
  }
}
