import type { EngineOptions, IdempotencyStore, KeyRecord, StoredAnswer, Submission } from '../ports.ts'
import { Marks } from './marks.ts'

interface KeptRecord extends KeyRecord {
  /** Milliseconds since the epoch. */
  expiresAt: number
}

/** The name of a key of a caller; no key holds a space. */
export const keyName = ({ caller, key }: { caller: string; key: string }): string => `${key} ${caller}`

/** The kept answers in memory, and the ids of what was given up; both live for `answerTtlMs`. */
export class MemoryIdempotencyStore implements IdempotencyStore {
  /** Ids of submissions and attempts that can be accepted no more. */
  readonly givenUp = new Marks<true>()
  readonly #options: Pick<EngineOptions, 'clock' | 'answerTtlMs'>
  // All live equally long, so the order of insertion is the order of expiry.
  readonly #records = new Map<string, KeptRecord>()

  constructor(options: Pick<EngineOptions, 'clock' | 'answerTtlMs'>) {
    this.#options = options
  }

  async find(caller: string, key: string): Promise<KeyRecord | null> {
    return this.peek({ caller, key })
  }

  async sweep(limit: number): Promise<number> {
    const now = this.#options.clock.now()
    this.givenUp.sweep(now - this.#options.answerTtlMs, limit)
    let removed = 0
    for (const [name, record] of this.#records) {
      if (record.expiresAt > now || removed === limit) break
      this.#records.delete(name)
      removed++
    }
    return removed
  }

  /** `find`, for use within a judgement. */
  peek(owner: { caller: string; key: string }): KeyRecord | null {
    const record = this.#records.get(keyName(owner))
    if (record === undefined || record.expiresAt <= this.#options.clock.now()) return null
    const { submissionId, payload, answer } = record
    return { submissionId, payload, answer }
  }

  /** Keeps the answer under the submission's key, in place of one that has expired. */
  keep(submission: Submission, answer: StoredAnswer): void {
    const name = keyName(submission)
    const expiresAt = this.#options.clock.now() + this.#options.answerTtlMs
    this.#records.delete(name)
    this.#records.set(name, { submissionId: submission.id, payload: submission.payload, answer, expiresAt })
  }
}
