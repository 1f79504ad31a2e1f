import { appendFileSync, readFileSync } from 'node:fs'

/** As in record-writes.c, whose numbers these are. */
const KINDS = [
  'nothing',
  'open',
  'write',
  'truncate',
  'sync',
  'sync failed',
  'unlink',
  'rename',
  'mkdir',
  'answer',
  'killed',
] as const

const HEADER_BYTES = 24

/** One thing that the recorded process did, in the order in which it did them. */
export interface JournalRecord {
  kind: (typeof KINDS)[number]
  /** The open file, by the number it was given when it was opened. */
  file: number
  /** An offset, a size, whether a file is new, or where in the journal a sync began: by kind. */
  at: number
  /** What was written, or a path. */
  data: Buffer
  /** Where the record stands in the journal. */
  position: number
}

/** What a process recorded; the last record may be half, when it was killed. */
export function readJournal(path: string): JournalRecord[] {
  const bytes = readFileSync(path)
  const records: JournalRecord[] = []
  for (let position = 0; position + HEADER_BYTES <= bytes.length; ) {
    const start = position + HEADER_BYTES
    const end = start + bytes.readUInt32LE(position + 16)
    if (end > bytes.length) break
    records.push({
      kind: KINDS[bytes.readUInt32LE(position)] as JournalRecord['kind'],
      file: bytes.readUInt32LE(position + 4),
      at: Number(bytes.readBigUInt64LE(position + 8)),
      data: bytes.subarray(start, end),
      position,
    })
    position = end
  }
  return records
}

/** Notes in a journal that the process was killed, which goes on with the next process. */
export function noteKill(path: string): void {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt32LE(KINDS.indexOf('killed'))
  appendFileSync(path, header)
}

/** The request that an answer belongs to, and its status. */
export function answerOf({ data }: JournalRecord): { request: string; status: number } {
  const head = data.toString('latin1')
  return {
    request: /^x-request-id: (.*)$/im.exec(head)?.[1]?.trim() ?? '',
    status: Number(head.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length)),
  }
}
