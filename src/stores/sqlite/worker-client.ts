import { Worker } from 'node:worker_threads'
import { StoreRefused, StoreUnavailable, UnknownSubscription } from '../../errors/store-errors.ts'
import type { Clock } from '../../kit/clock.ts'
import { BatchScheduler, PATIENCE_MS } from '../batch-scheduler.ts'
import type { Call, CallResult, WorkerMessage, WorkerSetup } from './messages.ts'

/** How much longer a call may take that was begun, in milliseconds. */
const OVERTIME_MS = 1_000
/** What a worker may allocate until it looks for garbage, in megabytes: it keeps little beyond a batch. */
const YOUNG_MB = 8
/** How often closing looks whether the last call has been answered, in milliseconds. */
const CLOSE_POLL_MS = 2

type CommandsOf<C> = { [K in keyof C]: (now: number, ...args: never[]) => unknown }
type ArgsOf<F> = F extends (now: number, ...args: infer A) => unknown ? A : never

/** Calls commands that have a connection of their own. All throw {StoreUnavailable}, with unknown outcome. */
export interface Caller<C extends CommandsOf<C>> {
  call<K extends keyof C & string>(command: K, ...args: ArgsOf<C[K]>): Promise<ReturnType<C[K]>>
  /** A call that is not begun after `notAfter` (ms since the epoch): it may not take effect when nobody waits for it. */
  callBefore<K extends keyof C & string>(notAfter: number, command: K, ...args: ArgsOf<C[K]>): Promise<ReturnType<C[K]>>
  close(): Promise<void>
}

/** Told of each batch that the worker is done with, and of the time it took. */
export type OnBatch = (sent: readonly Call[], results: CallResult[], seconds: number) => void

interface InFlight {
  calls: Call[]
  resolve(results: unknown[]): void
  reject(error: Error): void
}

/**
 * Calls the commands of a worker thread that owns a connection. Calls that arrive while the worker is busy travel as
 * one batch. A worker that dies fails the calls it had, with unknown outcome, and is started again for the next one.
 */
export class WorkerClient<C extends CommandsOf<C>> implements Caller<C> {
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
  /** The worker once it is open, until it ends. */
  #live: Worker | null = null
  readonly #inFlight = new Map<number, InFlight>()
  #lastBatch = 0
  #closed = false
  readonly #watch: NodeJS.Timeout

  constructor(setup: WorkerSetup, clock: Clock, onBatch: OnBatch = () => {}) {
    this.#setup = setup
    this.#clock = clock
    this.#onBatch = onBatch
    this.#watch = setInterval(() => this.#scheduler.failOverdue(OVERTIME_MS), OVERTIME_MS).unref()
  }

  /** @throws {StoreRefused} when the file must not be opened */
  async open(): Promise<void> {
    await this.#opened()
  }

  call<K extends keyof C & string>(command: K, ...args: ArgsOf<C[K]>): Promise<ReturnType<C[K]>> {
    return this.callBefore(Number.POSITIVE_INFINITY, command, ...args)
  }

  callBefore<K extends keyof C & string>(
    notAfter: number,
    command: K,
    ...args: ArgsOf<C[K]>
  ): Promise<ReturnType<C[K]>> {
    if (this.#closed) return Promise.reject(new StoreUnavailable('The store is closed'))
    const now = this.#clock.now()
    const waitMs = Math.min(PATIENCE_MS, notAfter - now)
    const call: Call = [command, now, args, Date.now() + waitMs]
    return this.#scheduler.add(call, waitMs) as Promise<ReturnType<C[K]>>
  }

  /** Waits for the calls under way, but not for those overdue, and lets the worker close its connection. */
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
    if (this.#inFlight.size === 0) worker.postMessage('close')
    else void worker.terminate()
    await ended
  }

  async #run(calls: Call[]): Promise<unknown[]> {
    // A worker that is there has the batch before the turn of the event loop is over.
    const worker = this.#live ?? (await this.#opened())
    const batch = ++this.#lastBatch
    worker.postMessage({ batch, calls })
    return new Promise((resolve, reject) => this.#inFlight.set(batch, { calls, resolve, reject }))
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
        if ('opened' in message) {
          this.#live = worker
          resolve(worker)
        } else if ('refused' in message) fail(new StoreRefused(message.refused))
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
        for (const batch of this.#inFlight.values()) batch.reject(error)
        this.#inFlight.clear()
      })
    })
  }

  #settle(number: number, results: CallResult[], seconds: number): void {
    const batch = this.#inFlight.get(number)
    if (batch === undefined) return
    this.#inFlight.delete(number)
    batch.resolve(results.map(outcomeOf))
    this.#onBatch(batch.calls, results, seconds)
  }
}

/** What a call returns or throws. */
export function outcomeOf(result: CallResult): unknown {
  if ('value' in result) return result.value
  return 'error' in result ? new StoreUnavailable(result.error) : new UnknownSubscription(result.unknownSubscription)
}
