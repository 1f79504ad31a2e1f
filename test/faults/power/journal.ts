import { randomUUID } from 'node:crypto'
import { appendFileSync, readFileSync } from 'node:fs'
import type { ClientHistory, Send } from '../client-history.ts'

/** The record kinds; the numbers must match record-writes.c. */
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

/** One call of the recorded process, in order. */
export interface JournalRecord {
  kind: (typeof KINDS)[number]
  /** The open file: the number it got when it was opened. */
  file: number
  /** By kind: an offset, a size, whether a file is new, or the journal position at which a sync began. */
  at: number
  /** The bytes written, or a path. */
  data: Buffer
  /** Its offset in the journal. */
  position: number
}

/** Reads a journal, without the torn last record of a killed process. */
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

/** Adds to a journal that the process was killed; the next process appends to the same journal. */
export function noteKill(path: string): void {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt32LE(KINDS.indexOf('killed'))
  appendFileSync(path, header)
}

/** The id of the request that an answer belongs to. */
const requestOf = ({ data }: JournalRecord): string =>
  /^x-request-id: (.*)$/im.exec(data.toString('latin1'))?.[1]?.trim() ?? ''

/**
 * Relates the answers clients got to the journal of the service. Each request has an id that its answer repeats, and the
 * journal records an answer just before it is sent: no later record can have happened before the answer.
 */
export class Timeline {
  readonly #history: ClientHistory
  /** The history's tick when an answer arrived, by request id. */
  readonly #arrivals = new Map<string, number>()

  constructor(history: ClientHistory) {
    this.#history = history
  }

  /** Gives each request an id. */
  through(send: Send): Send {
    return async (method, path, headers, body) => {
      const id = randomUUID()
      const reply = await send(method, path, { ...headers, 'x-request-id': id }, body)
      this.#arrivals.set(id, this.#history.tick)
      return reply
    }
  }

  /** What clients knew for certain, and may have sent at most, after a number of records. */
  at(journal: JournalRecord[], records: number): ClientHistory {
    const later = journal.slice(records).filter(({ kind }) => kind === 'answer')
    const arrivals = later.flatMap((answer) => this.#arrivals.get(requestOf(answer)) ?? [])
    // Clients had sent these requests before the next answer arrived.
    const [sent = this.#history.tick] = arrivals
    return this.#history.asOf(Math.min(sent, ...arrivals), sent)
  }
}
