import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../kit/clock.ts'
import type { Answer } from '../stores/ports.ts'
import { scopedKeyOf } from './submission.ts'

/** How long an answer is cached, in milliseconds. A cached answer may outlive the stored one by this long. */
const TTL_MS = 10_000
/** Size of the cache, in characters. */
const MAX_CHARACTERS = 8 * 2 ** 20
/** Estimated overhead of one entry, in characters. */
const OVERHEAD = 256

/** A submission with its unparsed body. */
export interface RawRequest {
  caller: string
  key: string
  url: string
  body: Buffer
}

interface CachedAnswer {
  digest: string
  answer: Answer
}

/**
 * A cache of the answers this process replayed last, for clients that repeat a submission again and again: further
 * byte-identical repeats are answered without parsing. First answers are not cached, because few are ever replayed, and
 * caching them would slow down every submission. A stored answer never changes, so a cached one cannot be wrong.
 */
export class RecentAnswers {
  readonly #answers: LRUCache<string, CachedAnswer>

  constructor(clock: Clock) {
    this.#answers = new LRUCache<string, CachedAnswer>({
      maxSize: MAX_CHARACTERS,
      sizeCalculation: ({ answer }) => lengthOf(answer) + OVERHEAD,
      ttl: TTL_MS,
      ttlResolution: 0,
      perf: { now: () => clock.now() },
    })
  }

  /** @returns the answer replayed to the same bytes under the same key, if cached */
  find(request: RawRequest): Answer | null {
    if (this.#answers.size === 0) return null
    const cached = this.#answers.get(scopedKeyOf(request))
    return cached !== undefined && cached.digest === digestOf(request) ? cached.answer : null
  }

  remember(request: RawRequest, answer: Answer): void {
    this.#answers.set(scopedKeyOf(request), { digest: digestOf(request), answer })
  }
}

function lengthOf(answer: Answer): number {
  if (answer.status !== 200) return JSON.stringify(answer).length
  return answer.entries.reduce((sum, { document }) => sum + OVERHEAD + (document?.length ?? 0), 0)
}

const digestOf = ({ url, body }: RawRequest): string => `${url}\0${hash('sha256', body, 'base64')}`
