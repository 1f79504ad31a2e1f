import { fstatSync, readSync } from 'node:fs'
import { PAGE_SIZE } from '../schema.ts'
import { openDatabase, withUnlocked } from './disk.ts'

/** SQLite's write-ahead log: https://www.sqlite.org/fileformat2.html#walformat */
const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
/** The last bit of the magic number is the byte order of checksums: 1 for big-endian. */
const MAGIC = 0x377f0682

type Sums = readonly [number, number]

/** One page in the log. */
interface Frame {
  page: number
  /** Whether it ends a transaction. */
  commits: boolean
  /** Equal in all frames since the log last restarted. */
  salts: string
  /** Its stored checksum, over this frame and all before it. */
  sums: Sums
  header: Buffer
  content: Buffer
}

/**
 * Whether the write-ahead log of a database is damaged in a way that no power cut can cause. SQLite ignores everything from
 * the first invalid frame on. That is right in the last transaction, the only one that may not have been synced. An invalid
 * frame in an earlier, synced transaction is damage: SQLite would silently drop answered submissions.
 */
export function logIsDamaged(path: string): boolean {
  return withUnlocked(`${path}-wal`, (log) => {
    if (fstatSync(log).size < HEADER_BYTES) return false
    const header = read(log, 0, HEADER_BYTES)
    const sums = sumsAt(header, 24)
    const isHeaderValid =
      (header.readUInt32BE(0) & ~1) === MAGIC && sameSums(sumOf([0, 0], header.subarray(0, 24), header), sums)
    return isHeaderValid ? hasTransactionAfterBreak(log, header) : hasUncheckpointed(log, openDatabase(path), header)
  })
}

/** Whether a valid transaction follows a broken one. */
function hasTransactionAfterBreak(log: number, header: Buffer): boolean {
  const salts = header.toString('hex', 16, 24)
  let before = { commits: false, sums: [sumsAt(header, 24)] }
  let broken = false
  for (const { commits, content, ...frame } of frames(log, header.readUInt32BE(8))) {
    const sumsWith = (start: Buffer): Sums[] =>
      before.sums.map((sum) => sumOf(sumOf(sum, start, header), content, header))
    const matches = (sums: Sums[]): boolean => sums.some((sum) => sameSums(sum, frame.sums))
    const sums = sumsWith(frame.header)
    const isValid = frame.salts === salts && matches(sums)
    if (isValid && broken && before.commits) return true
    broken ||= !isValid
    // An invalid frame may be damaged in its content or in its stored checksum, so the next frame is checked against both.
    // The damage may also be in the commit mark.
    const endsTransaction =
      commits && (isValid || !matches(sumsWith(Buffer.concat([frame.header.subarray(0, 4), Buffer.alloc(4)]))))
    before = { commits: endsTransaction, sums: isValid ? [frame.sums] : [frame.sums, ...sums].slice(0, 3) }
  }
  return false
}

/**
 * Whether a log with a broken header holds a transaction that is not in the database. A power cut cannot cause that: the
 * header is synced before the first frame is written, and a log restarts only once the database contains all of it.
 */
function hasUncheckpointed(log: number, database: number, header: Buffer): boolean {
  const pageSize = pageSizeOf(database)
  const pages = new Map<number, Buffer>()
  let committed = new Map<number, Buffer>()
  let before: Sums | null = null
  for (const frame of frames(log, pageSize)) {
    const isValid =
      before === null || sameSums(sumOf(sumOf(before, frame.header, header), frame.content, header), frame.sums)
    if (!isValid || frame.page === 0) break
    pages.set(frame.page, frame.content)
    if (frame.commits) committed = new Map(pages)
    before = frame.sums
  }
  return [...committed].some(([page, content]) => !read(database, (page - 1) * pageSize, pageSize).equals(content))
}

function* frames(log: number, pageSize: number): Generator<Frame> {
  const size = FRAME_HEADER_BYTES + pageSize
  const { size: end } = fstatSync(log)
  for (let at = HEADER_BYTES; at + size <= end; at += size) {
    const bytes = read(log, at, size)
    yield {
      page: bytes.readUInt32BE(0),
      commits: bytes.readUInt32BE(4) !== 0,
      salts: bytes.toString('hex', 8, 16),
      sums: sumsAt(bytes, 16),
      header: bytes.subarray(0, 8),
      content: bytes.subarray(FRAME_HEADER_BYTES),
    }
  }
}

const sameSums = ([a0, a1]: Sums, [b0, b1]: Sums): boolean => a0 === b0 && a1 === b1

const sumsAt = (bytes: Buffer, at: number): Sums => [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)]

/** Adds bytes to a checksum, in the byte order of the log's header. A broken header counts as little-endian. */
function sumOf([one, two]: Sums, bytes: Buffer, logHeader: Buffer): Sums {
  const bigEndian = logHeader.readUInt32BE(0) === MAGIC + 1
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = 0; at < bytes.length; at += 8) {
    one = (one + view.getUint32(at, !bigEndian) + two) >>> 0
    two = (two + view.getUint32(at + 4, !bigEndian) + one) >>> 0
  }
  return [one, two]
}

/** The page size in the database's header; ours if that is broken too. */
function pageSizeOf(database: number): number {
  const size = read(database, 16, 2).readUInt16BE(0)
  if (size === 1) return 65_536
  return size >= 512 && (size & (size - 1)) === 0 ? size : PAGE_SIZE
}

/** Reads exactly `length` bytes; zeros past the end of the file. */
function read(file: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  readSync(file, bytes, 0, length, at)
  return bytes
}
