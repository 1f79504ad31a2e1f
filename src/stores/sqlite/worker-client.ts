import { Worker } from 'node:worker_threads'
import { StoreRefused, StoreUnavailable } from '../../errors/store-errors.ts'
import type { Clock } from '../../kit/clock.ts'
import type { Call, CallResult, WorkerMessage, WorkerSetup } from './messages.ts'

/** Batches on their way to the worker at a time: while one is being committed, the next is already there. */
const BATCHES_IN_FLIGHT = 2
/** So many calls are sent without waiting for more: the worker begins while others are still being read. */
const WORTH_SENDING = 32
/** Most calls in one transaction. */
const BATCH_SIZE = 256
/** A call that could not be begun for so long is not begun any more, in milliseconds. */
const PATIENCE_MS = 10_000
/** How much longer a call may take that was begun, in milliseconds. */
const OVERTIME_MS = 1_000
/** What a worker may allocate until it looks for garbage, in megabytes: it keeps little beyond a batch. */
const YOUNG_MB = 8
/** How often closing looks whether the last call has been answered, in milliseconds. */
const CLOSE_POLL_MS = 2

type CommandsOf<C> = { [K in keyof C]: (now: number, ...args: never[]) => unknown }
type ArgsOf<F> = F extends (now: number, ...args: infer A) => unknown ? A : never

/** Told of each batch that the worker is done with, and of the time it took. */
export type OnBatch = (sent: readonly { call: Call }[], results: CallResult[], seconds: number) => void

interface Waiting {
  call: Call
  resolve(value: unknown): void
  reject(error: Error): void
}

/**
 * Calls the commands of a worker thread that owns a connection. Calls that arrive while the worker is busy travel as
 * one batch. A worker that dies fails the calls it had, with unknown outcome, and is started again for the next one.
 */
export class WorkerClient<C extends CommandsOf<C>> {
  readonly #setup: WorkerSetup
  readonly #clock: Clock
  readonly #onBatch: OnBatch
  #worker: Promise<Worker> | null = null
  /** The worker once it is open, until it ends. */
  #live: Worker | null = null
  readonly #queue: Waiting[] = []
  readonly #inFlight = new Map<number, Waiting[]>()
  #lastBatch = 0
  #scheduled = false
  #closed = false
  readonly #watch: NodeJS.Timeout

  constructor(setup: WorkerSetup, clock: Clock, onBatch: OnBatch = () => {}) {
    this.#setup = setup
    this.#clock = clock
    this.#onBatch = onBatch
    this.#watch = setInterval(() => this.#failOverdue(), OVERTIME_MS).unref()
  }

  /** @throws {StoreRefused} when the file must not be opened */
  async open(): Promise<void> {
    await this.#opened()
  }

  /** @throws {StoreUnavailable} with unknown outcome */
  call<K extends keyof C & string>(command: K, ...args: ArgsOf<C[K]>): Promise<ReturnType<C[K]>> {
    return this.callBefore(Number.POSITIVE_INFINITY, command, ...args)
  }

  /**
   * A call that is not begun after `notAfter` (ms since the epoch): it may not take effect when nobody waits for it.
   * @throws {StoreUnavailable} with unknown outcome
   */
  callBefore<K extends keyof C & string>(
    notAfter: number,
    command: K,
    ...args: ArgsOf<C[K]>
  ): Promise<ReturnType<C[K]>> {
    if (this.#closed) return Promise.reject(new StoreUnavailable('The store is closed'))
    return new Promise((resolve, reject) => {
      const now = this.#clock.now()
      const call: Call = [command, now, args, Date.now() + Math.min(PATIENCE_MS, notAfter - now)]
      this.#queue.push({ call, resolve: resolve as (value: unknown) => void, reject })
      if (this.#queue.length >= WORTH_SENDING && this.#hasRoom) this.#sendNow()
      else this.#schedule()
    })
  }

  /** Waits for the calls under way, but not for those overdue, and lets the worker close its connection. */
  async close(): Promise<void> {
    this.#closed = true
    while (this.#awaited()) await new Promise((resolve) => setTimeout(resolve, CLOSE_POLL_MS))
    clearInterval(this.#watch)
    this.#failOverdue()
    const worker = await this.#worker?.catch(() => null)
    if (worker == null) return
    const ended = new Promise((resolve) => worker.once('exit', resolve))
    if (this.#inFlight.size === 0) worker.postMessage('close')
    else void worker.terminate()
    await ended
  }

  get #hasRoom(): boolean {
    return this.#inFlight.size < BATCHES_IN_FLIGHT
  }

  // Once a turn of the event loop, so that requests read in one turn share a batch.
  #schedule(): void {
    if (this.#scheduled || this.#queue.length === 0 || !this.#hasRoom) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#send().catch((error: Error) => this.#failAll(error))
    })
  }

  /** Sends what waits before the turn of the event loop is over, if the worker is there. */
  #sendNow(): void {
    try {
      if (this.#live === null) this.#schedule()
      else this.#post(this.#live)
    } catch (error) {
      this.#failAll(error as Error)
    }
  }

  async #send(): Promise<void> {
    const worker = await this.#opened()
    this.#live = worker
    while (this.#queue.length > 0 && this.#hasRoom) this.#post(worker)
  }

  #post(worker: Worker): void {
    const waiting = this.#queue.splice(0, BATCH_SIZE)
    const batch = ++this.#lastBatch
    this.#inFlight.set(batch, waiting)
    worker.postMessage({ batch, calls: waiting.map(({ call }) => call) })
  }

  /** The worker, started unless it runs; one that could not be started is started anew the next time. */
  #opened(): Promise<Worker> {
    this.#worker ??= this.#start().catch((error: Error) => {
      this.#worker = null
      throw error
    })
    return this.#worker
  }

  #start(): Promise<Worker> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./worker.ts', import.meta.url), {
        workerData: this.#setup,
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      })
      let cause: Error | undefined
      const fail = (error: Error): void => {
        cause = error
        void worker.terminate()
      }
      worker.on('message', (message: WorkerMessage) => {
        if ('opened' in message) resolve(worker)
        else if ('refused' in message) fail(new StoreRefused(message.refused))
        else this.#settle(message.batch, message.results, message.seconds)
      })
      worker.on('error', (error) => {
        cause = error as Error
      })
      worker.on('exit', () => {
        this.#worker = null
        this.#live = null
        const error = new StoreUnavailable(`The worker of ${this.#setup.path} has ended`, { cause })
        reject(cause instanceof StoreRefused ? cause : error)
        this.#failAll(error)
      })
    })
  }

  #settle(batch: number, results: CallResult[], seconds: number): void {
    const waiting = this.#inFlight.get(batch) ?? []
    this.#inFlight.delete(batch)
    this.#schedule()
    this.#onBatch(waiting, results, seconds)
    waiting.forEach(({ resolve, reject }, index) => {
      const result = results[index] as CallResult
      if ('error' in result) reject(new StoreUnavailable(result.error))
      else resolve(result.value)
    })
  }

  /** What overdue calls still do is unknown; should their answer come, nobody waits for it. */
  #failOverdue(): void {
    const queued = this.#queue.splice(0)
    this.#queue.push(...queued.filter((waiting) => !isOverdue(waiting)))
    for (const { reject } of [...queued, ...this.#sent].filter(isOverdue)) {
      reject(new StoreUnavailable('The store did not answer in time'))
    }
  }

  /** The calls that the worker has. */
  get #sent(): Waiting[] {
    return [...this.#inFlight.values()].flat()
  }

  /** Whether a call is still waited for. */
  #awaited(): boolean {
    return this.#queue.length > 0 || this.#sent.some((waiting) => !isOverdue(waiting))
  }

  #failAll(cause: Error): void {
    const error = new StoreUnavailable(cause.message, { cause })
    const failed = [...this.#sent, ...this.#queue.splice(0)]
    this.#inFlight.clear()
    for (const { reject } of failed) reject(error)
  }
}

const isOverdue = ({ call }: Waiting): boolean => call[3] < Date.now() - OVERTIME_MS
