import fp from 'fastify-plugin'
import { ServiceError } from '../src/errors/service-error.ts'
import { type Clock, systemClock } from '../src/kit/clock.ts'
import { ANSWER_BYTES } from '../src/stores/kept-answer.ts'
import { PAGE_BYTES } from '../src/stores/page.ts'
import type { FormulaDb, StoredFormula } from '../src/stores/ports.ts'

declare module 'fastify' {
  interface FastifyInstance {
    formulaReads: Pick<FormulaDb, 'get' | 'getPage' | 'list'> & {
      /** The stored formulas with these ids, by id; documents after the first `ANSWER_BYTES` of them are empty. */
      find(ids: Iterable<string>): Promise<Map<string, StoredFormula>>
    }
  }
}

/** Concurrent reads of pages: each may take 4 MiB, and readiness probes wait behind them. */
const CONCURRENT_LISTS = 4
/** Concurrent reads of single formulas. */
const CONCURRENT_GETS = 32

/**
 * Decorates the instance with reads of formulas in bounded memory: a limited number at a time, and none while too many
 * bytes of earlier answers are unread by clients.
 */
export default fp<{ clock?: Clock }>(
  async (fastify, { clock = systemClock }) => {
    const { db } = fastify
    const { unread } = fastify.connections
    const lists = new ConcurrencyLimit(CONCURRENT_LISTS, clock)
    const gets = new ConcurrencyLimit(CONCURRENT_GETS, clock)
    const read = <T>(limit: ConcurrencyLimit, bytes: number, call: () => Promise<T>): Promise<T> =>
      limit.run(() => {
        if (!unread.fits(bytes)) throw new ServiceError('SERVICE_OVERLOADED')
        return call()
      })
    fastify.decorate('formulaReads', {
      list: (query) => read(lists, PAGE_BYTES, () => db.list(query)),
      getPage: (ids) => read(lists, PAGE_BYTES, () => db.getPage(ids)),
      // All pages in one slot: between them it holds documents.
      find: (ids) => read(lists, PAGE_BYTES, () => findAll(db, [...new Set(ids)])),
      get: (id) => read(gets, 0, () => db.get(id)),
    })
  },
  { name: 'formula-reads', dependencies: ['db', 'connections'] },
)

async function findAll(db: FormulaDb, ids: string[]): Promise<Map<string, StoredFormula>> {
  const found = new Map<string, StoredFormula>()
  let bytes = 0
  for (let from = 0; from < ids.length; ) {
    const page = await db.getPage(ids.slice(from))
    from += page.length
    for (const formula of page) {
      if (formula === null) continue
      const document = bytes < ANSWER_BYTES ? formula.document : ''
      bytes += Buffer.byteLength(document)
      found.set(formula.id, { ...formula, document })
    }
  }
  return found
}

/** Limit of waiting calls; further ones are refused. */
const MAX_WAITING = 4_096
/** A call that has waited this long is refused, in milliseconds. */
const MAX_WAIT_MS = 10_000

/** Limits how many calls run at a time; the others wait in line. */
class ConcurrencyLimit {
  readonly #clock: Clock
  readonly #limit: number
  #running = 0
  readonly #waiting: (() => void)[] = []

  constructor(limit: number, clock: Clock) {
    this.#limit = limit
    this.#clock = clock
  }

  /** @throws {ServiceError} SERVICE_OVERLOADED when too many calls wait, or this one has waited too long */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#running < this.#limit) this.#running++
    else await this.#wait()
    try {
      return await call()
    } finally {
      this.#release()
    }
  }

  /** Waits until an earlier call passes its slot on. */
  async #wait(): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING) throw new ServiceError('SERVICE_OVERLOADED')
    const since = this.#clock.now()
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
    if (this.#clock.now() - since < MAX_WAIT_MS) return
    this.#release()
    throw new ServiceError('SERVICE_OVERLOADED')
  }

  #release(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#running--
    else next()
  }
}
