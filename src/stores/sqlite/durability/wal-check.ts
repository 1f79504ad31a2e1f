import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** SQLite's write-ahead log: https://www.sqlite.org/fileformat2.html#walformat */
const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
/** The last bit tells in which order the bytes of a word are added up. */
const MAGIC = 0x377f0682

type Sums = readonly [number, number]

/** One page as it was written, behind the page before it. */
interface Frame {
  page: number
  /** Whether it ends a transaction. */
  commits: boolean
  /** The same in all frames since the log was last begun anew. */
  salts: string
  /** The checksum it carries, over itself and all before it. */
  sums: Sums
  header: Buffer
  content: Buffer
}

/**
 * Whether the log of a database is broken where no power cut can have torn it. SQLite takes what stands behind the
 * first frame that does not fit for not written. That is right within the last transaction, the only one that may not
 * have been synced. One that another was written upon had been synced: it was damaged later, and what was answered
 * would be lost without a word.
 */
export function logIsDamaged(path: string): boolean {
  const [log, database] = [openSync(`${path}-wal`, 'r'), openSync(path, 'r')]
  try {
    if (fstatSync(log).size < HEADER_BYTES) return false
    const header = read(log, 0, HEADER_BYTES)
    const sums = sumsAt(header, 24)
    const fits =
      (header.readUInt32BE(0) & ~1) === MAGIC && sameSums(sumOf([0, 0], header.subarray(0, 24), header), sums)
    return fits ? breaksEarly(log, header) : holdsMore(log, database, header)
  } finally {
    closeSync(log)
    closeSync(database)
  }
}

/** Whether a transaction that is broken, or stands behind what is, has another one written upon it. */
function breaksEarly(log: number, header: Buffer): boolean {
  const salts = header.toString('hex', 16, 24)
  let before = { commits: false, sums: [sumsAt(header, 24)] }
  let broken = false
  for (const { commits, content, ...frame } of frames(log, header.readUInt32BE(8))) {
    const sumsWith = (start: Buffer): Sums[] =>
      before.sums.map((sum) => sumOf(sumOf(sum, start, header), content, header))
    const carried = (sums: Sums[]): boolean => sums.some((sum) => sameSums(sum, frame.sums))
    const sums = sumsWith(frame.header)
    const fits = frame.salts === salts && carried(sums)
    if (fits && broken && before.commits) return true
    broken ||= !fits
    // Of one that does not fit, the damage may be in its content or in the sum it carries: the next tells. And it may
    // be in the mark of a commit.
    const marked =
      commits && (fits || !carried(sumsWith(Buffer.concat([frame.header.subarray(0, 4), Buffer.alloc(4)]))))
    before = { commits: marked, sums: fits ? [frame.sums] : [frame.sums, ...sums].slice(0, 3) }
  }
  return false
}

/**
 * Whether a log whose header is broken holds a transaction that the database lacks. A header is synced before the first
 * frame behind it is written; and when a log is begun anew, the database has all that it held.
 */
function holdsMore(log: number, database: number, header: Buffer): boolean {
  const pageSize = pageSizeOf(database)
  const pages = new Map<number, Buffer>()
  let committed = new Map<number, Buffer>()
  let before: Sums | null = null
  for (const frame of frames(log, pageSize)) {
    const fits =
      before === null || sameSums(sumOf(sumOf(before, frame.header, header), frame.content, header), frame.sums)
    if (!fits || frame.page === 0) break
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
    const [header, content] = [bytes.subarray(0, 8), bytes.subarray(FRAME_HEADER_BYTES)]
    const commits = bytes.readUInt32BE(4) !== 0
    yield {
      page: bytes.readUInt32BE(0),
      commits,
      salts: bytes.toString('hex', 8, 16),
      sums: sumsAt(bytes, 16),
      header,
      content,
    }
  }
}

const sameSums = ([a0, a1]: Sums, [b0, b1]: Sums): boolean => a0 === b0 && a1 === b1

const sumsAt = (bytes: Buffer, at: number): Sums => [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)]

/** Adds bytes to a checksum, in the order that the log's header tells; the usual one where it tells none. */
function sumOf([one, two]: Sums, bytes: Buffer, logHeader: Buffer): Sums {
  const bigEndian = logHeader.readUInt32BE(0) === MAGIC + 1
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = 0; at < bytes.length; at += 8) {
    one = (one + view.getUint32(at, !bigEndian) + two) >>> 0
    two = (two + view.getUint32(at + 4, !bigEndian) + one) >>> 0
  }
  return [one, two]
}

/** As the database's header has it; SQLite's usual one where that is broken too. */
function pageSizeOf(database: number): number {
  const size = read(database, 16, 2).readUInt16BE(0)
  if (size === 1) return 65_536
  return size >= 512 && (size & (size - 1)) === 0 ? size : 4_096
}

/** Exactly so many bytes; zeros where the file has none. */
function read(file: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  readSync(file, bytes, 0, length, at)
  return bytes
}
