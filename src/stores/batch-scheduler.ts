import { StoreUnavailable } from '../errors/store-errors.ts'

/** Batches in flight at a time: while one waits for the disk, the next is already sent. */
const BATCHES_IN_FLIGHT = 2
/** A queue this long is sent at once, so that the store starts while more requests are being read. */
const SEND_SIZE = 32
/** Maximum number of items in a batch. */
const BATCH_SIZE = 256
/** How long an item waits for its batch before it fails, in milliseconds. */
export const MAX_WAIT_MS = 10_000

/** Whether an item joins the next batch, waits for a later one, or the batch is full. */
export type Admission = 'joins' | 'waits' | 'full'

interface BatchWork<T, R> {
  /** Runs a batch. @returns for each item its result or its error; a rejection fails every item */
  run(items: T[]): Promise<(R | Error)[]>
  /** Called once per batch. @returns a function that decides for each item in turn; without it, all join */
  admit?(): (item: T) => Admission
}

interface Waiting<T, R> {
  readonly item: T
  /** By `performance.now()`. */
  readonly startBy: number
  settled: boolean
  resolve(result: R): void
  reject(error: Error): void
}

/** Group commit: items that arrive while others are being committed are committed together, in one batch. */
export class BatchScheduler<T, R> {
  readonly #work: BatchWork<T, R>
  #queue: Waiting<T, R>[] = []
  readonly #inFlight = new Set<Waiting<T, R>[]>()
  #scheduled = false

  constructor(work: BatchWork<T, R>) {
    this.#work = work
  }

  /** Whether any item has neither a result nor an error. */
  get isAwaited(): boolean {
    return this.#queue.length > 0 || this.#itemsInFlight.some(({ settled }) => !settled)
  }

  /**
   * @param waitMs how long the item may wait for its batch, in milliseconds; at most `MAX_WAIT_MS`
   * @throws {StoreUnavailable} when it waited too long; otherwise what `run` throws
   */
  add(item: T, waitMs = MAX_WAIT_MS): Promise<R> {
    return new Promise((resolve, reject) => {
      const startBy = performance.now() + Math.min(MAX_WAIT_MS, waitMs)
      this.#queue.push({ item, startBy, settled: false, resolve, reject })
      if (this.#queue.length >= SEND_SIZE && this.#hasRoom) this.#send()
      else this.#schedule()
    })
  }

  /** Fails the items that should have started more than `overtimeMs` ago. Their outcome is unknown. */
  failOverdue(overtimeMs: number): void {
    const latest = performance.now() - overtimeMs
    for (const waiting of [...this.#queue, ...this.#itemsInFlight]) {
      if (waiting.startBy < latest) fail(waiting, new StoreUnavailable('The store did not answer in time'))
    }
    this.#queue = this.#queue.filter(({ settled }) => !settled)
  }

  get #itemsInFlight(): Waiting<T, R>[] {
    return [...this.#inFlight].flat()
  }

  get #hasRoom(): boolean {
    return this.#inFlight.size < BATCHES_IN_FLIGHT
  }

  // Sends once per turn of the event loop, so that requests read in one turn share a batch.
  #schedule(): void {
    if (this.#scheduled || this.#queue.length === 0 || !this.#hasRoom) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#send()
    })
  }

  #send(): void {
    while (this.#queue.length > 0 && this.#hasRoom) {
      const batch = this.#nextBatch()
      if (batch.length === 0) return
      void this.#run(batch)
    }
  }

  /** Takes the items that join; the others keep their order in the queue. */
  #nextBatch(): Waiting<T, R>[] {
    const batch: Waiting<T, R>[] = []
    const left: Waiting<T, R>[] = []
    const admit = this.#work.admit?.()
    const now = performance.now()
    let next = 0
    for (; next < this.#queue.length && batch.length < BATCH_SIZE; next++) {
      const waiting = this.#queue[next] as Waiting<T, R>
      if (waiting.startBy < now) {
        fail(waiting, new StoreUnavailable('The call waited too long for the store'))
        continue
      }
      const admission = admit?.(waiting.item) ?? 'joins'
      if (admission === 'full') break
      if (admission === 'joins') batch.push(waiting)
      else left.push(waiting)
    }
    this.#queue = left.length === 0 ? this.#queue.slice(next) : left.concat(this.#queue.slice(next))
    return batch
  }

  async #run(batch: Waiting<T, R>[]): Promise<void> {
    this.#inFlight.add(batch)
    let results: (R | Error)[]
    try {
      results = await this.#work.run(batch.map(({ item }) => item))
    } catch (error) {
      results = batch.map(() => error as Error)
    }
    this.#inFlight.delete(batch)
    this.#schedule()
    batch.forEach((waiting, index) => {
      const result = results[index] as R | Error
      if (result instanceof Error) fail(waiting, result)
      else waiting.resolve(result)
      waiting.settled = true
    })
  }
}

function fail<T, R>(waiting: Waiting<T, R>, error: Error): void {
  waiting.settled = true
  waiting.reject(error)
}
