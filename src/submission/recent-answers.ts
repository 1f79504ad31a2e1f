import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../kit/clock.ts'
import type { Answer } from '../stores/ports.ts'
import type { Erasures } from './erasures.ts'
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
  /** The number of erasures that was known before its answer was read. */
  erasures: number
}

interface CachedAnswer {
  digest: string
  erasures: number
  answer: Answer
}

/**
 * A cache of the answers this process replayed last, for clients that repeat a submission again and again: further
 * byte-identical repeats are answered without parsing. First answers are not cached, because few are ever replayed, and
 * caching them would slow down every submission. Only an erasure changes a stored
 * answer, so each look-up asks whether there was one.
 */
export class RecentAnswers {
  readonly #answers: LRUCache<string, CachedAnswer>

  readonly #erasures: Erasures

  constructor(clock: Clock, erasures: Erasures) {
    this.#erasures = erasures
    this.#answers = new LRUCache<string, CachedAnswer>({
      maxSize: MAX_CHARACTERS,
      sizeCalculation: ({ answer }) => lengthOf(answer) + OVERHEAD,
      ttl: TTL_MS,
      ttlResolution: 0,
      perf: { now: () => clock.now() },
    })
  }

  /**
   * Looks up the answer replayed to the same bytes under the same key.
   * @returns null, without a promise, when it is not cached; a promise of null when something was erased since
   */
  find(request: RawRequest): Promise<Answer | null> | null {
    if (this.#answers.size === 0) return null
    const cached = this.#answers.get(scopedKeyOf(request))
    return cached !== undefined && cached.digest === digestOf(request) ? this.#unlessErased(cached, request) : null
  }

  async #unlessErased({ answer, erasures }: CachedAnswer, request: RawRequest): Promise<Answer | null> {
    if (!(await this.#erasures.changedSince(erasures))) return answer
    request.erasures = this.#erasures.known
    return null
  }

  remember(request: RawRequest, answer: Answer): void {
    const { erasures } = request
    this.#answers.set(scopedKeyOf(request), { digest: digestOf(request), erasures, answer })
  }
}

function lengthOf(answer: Answer): number {
  if (answer.status !== 200) return JSON.stringify(answer).length
  return answer.entries.reduce((sum, { document }) => sum + OVERHEAD + (document?.length ?? 0), 0)
}

const digestOf = ({ url, body }: RawRequest): string => `${url}\0${hash('sha256', body, 'base64')}`
