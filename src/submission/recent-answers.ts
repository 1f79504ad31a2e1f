import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../kit/clock.ts'
import type { StoredAnswer } from '../stores/ports.ts'

/** How long an answer is remembered, in milliseconds: shorter than any store keeps it. */
const REMEMBERED_MS = 600_000
/** Most that is remembered, in characters of answers. */
const MOST_CHARACTERS = 8 * 2 ** 20
/** What one answer takes beside its characters. */
const OVERHEAD = 256

/** A request as it was sent. */
export interface Sent {
  caller: string
  key: string
  url: string
  body: Buffer
}

interface Remembered {
  digest: string
  answer: StoredAnswer
}

/**
 * The answers this process gave last. Most repeats come within seconds and are the same bytes: they are answered without
 * being read again. An answer that is kept never changes, so what is remembered cannot be wrong; what is not remembered
 * is looked up.
 */
export class RecentAnswers {
  readonly #answers: LRUCache<string, Remembered>

  constructor(clock: Clock) {
    this.#answers = new LRUCache<string, Remembered>({
      maxSize: MOST_CHARACTERS,
      sizeCalculation: ({ answer }) => answer.body.length + OVERHEAD,
      ttl: REMEMBERED_MS,
      ttlResolution: 0,
      perf: { now: () => clock.now() },
    })
  }

  /** @returns the answer of a request that is, byte for byte, one that was answered under its key */
  find(sent: Sent): StoredAnswer | null {
    const known = this.#answers.get(slotOf(sent))
    return known !== undefined && known.digest === digestOf(sent) ? known.answer : null
  }

  /** @param answer one that was kept just now */
  remember(sent: Sent, answer: StoredAnswer): void {
    this.#answers.set(slotOf(sent), { digest: digestOf(sent), answer })
  }
}

const slotOf = ({ caller, key }: Sent): string => `${caller}\0${key}`

const digestOf = ({ url, body }: Sent): string => `${url}\0${hash('sha256', body, 'base64')}`
