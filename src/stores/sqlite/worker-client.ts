import { Worker } from 'node:worker_threads'
import { StoreRefused, StoreUnavailable, UnknownSubscription } from '../../errors/store-errors.ts'
import type { Clock } from '../../kit/clock.ts'
import { BatchScheduler, MAX_WAIT_MS } from '../batch-scheduler.ts'
import type { Call, CallResult, WorkerMessage, WorkerSetup } from './messages.ts'

/** How long a call may run past its latest start, in milliseconds. */
const OVERTIME_MS = 1_000
/** The young generation of a worker's heap, in megabytes. It can be small: little outlives a batch. */
const YOUNG_MB = 8
/** How often `close` checks whether all calls have ended, in milliseconds. */
const CLOSE_POLL_MS = 2

type CommandsOf<C> = { [K in keyof C]: (now: number, ...args: never[]) => unknown }
export type ArgsOf<F> = F extends (now: number, ...args: infer A) => unknown ? A : never

/** Called after each batch, with the time its transaction took. */
export type OnBatch = (calls: readonly Call[], results: CallResult[], seconds: number) => void

type InFlight = PromiseWithResolvers<unknown[]> & { calls: Call[] }

/**
 * Calls the commands of a worker thread, which owns a connection. Calls made while the worker is busy are sent as one
 * batch. If the worker dies, its calls fail with unknown outcome, and the next call starts it again.
 */
export class WorkerClient<C extends CommandsOf<C>> {
  readonly #setup: WorkerSetup
  readonly #clock: Clock
  readonly #onBatch: OnBatch
  readonly #scheduler = new BatchScheduler<Call, unknown>({
    run: (calls) =>
      this.#run(calls).catch((cause: Error) => {
        throw new StoreUnavailable(cause.message, { cause })
      }),
  })
  #worker: Promise<Worker> | null = null
  /** The worker while its connection is open. */
  #live: Worker | null = null
  /** The batches sent, in the order in which the worker answers them. */
  #inFlight: InFlight[] = []
  #closed = false
  readonly #watch: NodeJS.Timeout

  constructor(setup: WorkerSetup, clock: Clock, onBatch: OnBatch = () => {}) {
    this.#setup = setup
    this.#clock = clock
    this.#onBatch = onBatch
    this.#watch = setInterval(() => this.#scheduler.failOverdue(OVERTIME_MS), OVERTIME_MS).unref()
  }

  /**
   * Starts the worker unless it runs. A failed start is repeated by the next call.
   * @throws {StoreRefused} when the file must not be opened
   */
  open(): Promise<Worker> {
    this.#worker ??= this.#start().catch((error: Error) => {
      this.#worker = null
      throw error
    })
    return this.#worker
  }

  /** @throws {StoreUnavailable} the outcome is unknown */
  call<K extends keyof C & string>(command: K, ...args: ArgsOf<C[K]>): Promise<ReturnType<C[K]>> {
    return this.callBefore(Number.POSITIVE_INFINITY, command, ...args)
  }

  /**
   * Makes a call that does not start after `notAfter` (ms since the epoch): by then nobody waits for it any more.
   * @throws {StoreUnavailable} the outcome is unknown
   */
  callBefore<K extends keyof C & string>(notAfter: number, command: K, ...args: ArgsOf<C[K]>) {
    if (this.#closed) return Promise.reject(new StoreUnavailable('The store is closed'))
    const now = this.#clock.now()
    const waitMs = Math.min(MAX_WAIT_MS, notAfter - now)
    const call: Call = [command, now, args, Date.now() + waitMs]
    return this.#scheduler.add(call, waitMs) as Promise<ReturnType<C[K]>>
  }

  /** Waits for calls that are not overdue, then lets the worker close its connection. */
  async close(): Promise<void> {
    this.#closed = true
    while (this.#scheduler.isAwaited) {
      await new Promise((resolve) => setTimeout(resolve, CLOSE_POLL_MS))
      this.#scheduler.failOverdue(OVERTIME_MS)
    }
    clearInterval(this.#watch)
    const worker = await this.#worker?.catch(() => null)
    if (worker == null) return
    const ended = new Promise((resolve) => worker.once('exit', resolve))
    if (this.#inFlight.length === 0) worker.postMessage('close')
    else void worker.terminate()
    await ended
  }

  async #run(calls: Call[]): Promise<unknown[]> {
    // No `await` for a running worker, so that it gets the batch within this turn of the event loop.
    const worker = this.#live ?? (await this.open())
    worker.postMessage(calls)
    const batch = { calls, ...Promise.withResolvers<unknown[]>() }
    this.#inFlight.push(batch)
    return batch.promise
  }

  #start(): Promise<Worker> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./worker.ts', import.meta.url), {
        workerData: this.#setup,
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
        // Otherwise Node closes the database file when the worker ends, and other connections lose their locks: see disk.ts.
        trackUnmanagedFds: false,
      })
      let cause: Error | undefined
      worker.on('message', (message: WorkerMessage) => {
        if ('opened' in message) {
          this.#live = worker
          resolve(worker)
        } else if ('refused' in message) {
          cause = new StoreRefused(message.refused)
          void worker.terminate()
        } else this.#settle(message.results, message.seconds)
      })
      worker.on('error', (error) => {
        cause = error as Error
      })
      worker.on('exit', () => {
        this.#worker = null
        this.#live = null
        const error = new StoreUnavailable(`The worker of ${this.#setup.path} has ended`, { cause })
        reject(cause instanceof StoreRefused ? cause : error)
        for (const batch of this.#inFlight) batch.reject(error)
        this.#inFlight = []
      })
    })
  }

  #settle(results: CallResult[], seconds: number): void {
    const batch = this.#inFlight.shift()
    if (batch === undefined) return
    batch.resolve(results.map(outcomeOf))
    this.#onBatch(batch.calls, results, seconds)
  }
}

/** The value that a call returned, or the error to throw. */
export function outcomeOf(result: CallResult): unknown {
  if ('value' in result) return result.value
  return 'error' in result ? new StoreUnavailable(result.error) : new UnknownSubscription(result.unknownSubscription)
}
