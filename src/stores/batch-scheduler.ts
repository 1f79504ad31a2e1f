import { StoreUnavailable } from '../errors/store-errors.ts'

/** Batches under way at a time: while one waits for the disk, the next is there already. */
const BATCHES_IN_FLIGHT = 2
/** So many items are sent without waiting for more: the store begins while others are still being read. */
const WORTH_SENDING = 32
/** Most items of a batch. */
const BATCH_SIZE = 256
/** An item that could not be begun for so long is not begun any more, in milliseconds. */
export const PATIENCE_MS = 10_000

/** Whether an item joins the batch that is put together, waits for a later one, or finds it full. */
export type Admission = 'joins' | 'waits' | 'full'

export interface BatchWork<T, R> {
  /** Brings a batch to its end: each item gets its result, or the error it failed with. A rejection fails all of it. */
  run(items: T[]): Promise<(R | Error)[]>
  /** Called for each batch. @returns what tells of one item after the other whether it joins; without it, all do */
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

/** Group commit: items that arrive while others are being committed are committed together. */
export class BatchScheduler<T, R> {
  readonly #work: BatchWork<T, R>
  #queue: Waiting<T, R>[] = []
  readonly #underWay = new Set<Waiting<T, R>[]>()
  #scheduled = false

  constructor(work: BatchWork<T, R>) {
    this.#work = work
  }

  /** Batches that have been begun and are not done. */
  get underWay(): number {
    return this.#underWay.size
  }

  /** Whether anybody waits for an item. */
  get isAwaited(): boolean {
    return this.#queue.length > 0 || [...this.#underWay].flat().some(({ settled }) => !settled)
  }

  /**
   * @param waitMs how long the item may wait until it is begun, in milliseconds; never longer than `PATIENCE_MS`
   * @throws {StoreUnavailable} when it was not begun in time; what `run` throws else
   */
  add(item: T, waitMs = PATIENCE_MS): Promise<R> {
    return new Promise((resolve, reject) => {
      const startBy = performance.now() + Math.min(PATIENCE_MS, waitMs)
      this.#queue.push({ item, startBy, settled: false, resolve, reject })
      if (this.#queue.length >= WORTH_SENDING && this.#hasRoom) this.#send()
      else this.#schedule()
    })
  }

  /** Fails the items that should have been begun `overtimeMs` ago. What they still do is unknown. */
  failOverdue(overtimeMs: number): void {
    const latest = performance.now() - overtimeMs
    for (const waiting of [...this.#queue, ...[...this.#underWay].flat()]) {
      if (waiting.startBy < latest) fail(waiting, new StoreUnavailable('The store did not answer in time'))
    }
    this.#queue = this.#queue.filter(({ settled }) => !settled)
  }

  get #hasRoom(): boolean {
    return this.#underWay.size < BATCHES_IN_FLIGHT
  }

  // Once a turn of the event loop, so that requests read in one turn share a batch.
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

  /** Takes from the front of the queue what joins. */
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
    this.#underWay.add(batch)
    let results: (R | Error)[]
    try {
      results = await this.#work.run(batch.map(({ item }) => item))
    } catch (error) {
      results = batch.map(() => error as Error)
    }
    this.#underWay.delete(batch)
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
