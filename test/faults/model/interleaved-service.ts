import type { Scheduler } from 'fast-check'
import { sleep } from '../../../src/kit/clock.ts'
import { LongPoll } from '../../../src/outbox/long-poll.ts'
import { DEFAULT_SUBSCRIPTION, type EventQueue, type LeasedEvent, type Stores } from '../../../src/stores/ports.ts'
import { UNTRACED } from '../../../src/submission/options.ts'
import { Orchestrator } from '../../../src/submission/orchestrator.ts'
import type { Outcome, SubmissionRequest } from '../../../src/submission/submission.ts'
import { submissionId } from '../../contract/submissions.ts'
import { TestClock } from '../../support/test-clock.ts'
import { type CommitStrategy, memoryStores } from '../stores.ts'
import { ProcessStores } from './process-stores.ts'
import { QueueRecord } from './queue-record.ts'

const MAX_RECEIVES = 3
const LIMITS = { retries: 3, baseMs: 1_000, maxMs: 10_000, deadlineMs: 30_000, waitMs: 10_000, retentionMs: 0 }

/** No client waits longer for an answer, in milliseconds. */
const FOR_EVER_MS = 300_000
const STEP_MS = 50

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

interface Process {
  orchestrator: Orchestrator
  longPoll: LongPoll
  queue: EventQueue
  port: ProcessStores
  ready: Promise<void>
}

/** A service without HTTP. A scheduler chooses the order of its calls to the stores and of their replies. */
export class InterleavedService {
  readonly clock = new TestClock()
  readonly stores: Stores
  readonly record: QueueRecord
  readonly #scheduler: Scheduler
  #process: Process
  #submissions = 0
  #crashAfter: number | null

  /** @param crashAfter the number of calls and replies after which the process dies and the next one takes over */
  constructor(strategy: CommitStrategy, scheduler: Scheduler, crashAfter: number | null) {
    const options = { clock: this.clock, answerTtlMs: 86_400_000, maxReceives: MAX_RECEIVES }
    this.stores = memoryStores(strategy, options)
    this.record = new QueueRecord(this.stores, this.clock, MAX_RECEIVES)
    this.#scheduler = scheduler
    this.#crashAfter = crashAfter
    this.#process = this.#start()
  }

  /** Resolves when recovery at start-up is done. */
  started(): Promise<void> {
    return this.#process.ready
  }

  /** @returns null when the process dies first */
  submit(request: SubmissionRequest): Promise<Outcome | null> {
    return this.#unlessItDies(({ orchestrator }) => orchestrator.submit(request))
  }

  receive(max: number, leaseMs: number, waitMs: number): Promise<LeasedEvent[] | null> {
    const request = { subscription: DEFAULT_SUBSCRIPTION, caller: '', max, leaseMs, waitMs }
    return this.#unlessItDies(({ longPoll }) => longPoll.receive(request))
  }

  settle(use: (queue: EventQueue) => Promise<unknown>): Promise<unknown> {
    return this.#unlessItDies(({ queue }) => use(queue))
  }

  /** Waits until the scheduler continues it. */
  async pause(what: string): Promise<void> {
    await this.#scheduler.schedule(Promise.resolve(), what)
  }

  /** Runs everything until the promise settles; time passes only while nothing else can run. */
  async drive<T>(promise: Promise<T>): Promise<T> {
    let settled = false
    const end = (): void => {
      settled = true
    }
    promise.then(end, end)
    const patience = this.clock.now() + FOR_EVER_MS
    for (;;) {
      await turn()
      if (settled) return promise
      if (this.#crashAfter === 0) this.#crash()
      else if (this.#scheduler.count() > 0) await this.#goOn()
      else if (this.clock.now() > patience) throw new Error('A client waits for ever')
      else this.clock.advance(STEP_MS)
    }
  }

  /** Lets time pass, with background work. */
  idle(ms: number): Promise<unknown> {
    return this.drive(sleep(this.clock, ms))
  }

  close(): Promise<void> {
    const { longPoll, orchestrator } = this.#process
    this.#crashAfter = null
    longPoll.stop()
    return this.drive(orchestrator.close())
  }

  async #goOn(): Promise<void> {
    if (this.#crashAfter !== null) this.#crashAfter--
    await this.#scheduler.waitOne()
  }

  async #unlessItDies<T>(use: (process: Process) => Promise<T>): Promise<T | null> {
    const process = this.#process
    const { ready, port } = process
    return Promise.race([ready.then(() => use(process)), port.death.promise.then(() => null)])
  }

  #crash(): void {
    this.#crashAfter = null
    this.#process.port.die()
    this.#process = this.#start()
  }

  #start(): Process {
    const port = new ProcessStores(this.record.stores, this.clock, (call) => this.pause(call))
    const orchestrator = new Orchestrator(port.stores, {
      ...LIMITS,
      clock: port.clock,
      random: () => 0.5,
      tracer: UNTRACED,
      newId: () => submissionId(++this.#submissions),
      log: { warn: () => {}, error: () => {} },
    })
    const { queue } = port.stores
    return { orchestrator, longPoll: new LongPoll(queue, port.clock), queue, port, ready: orchestrator.start() }
  }
}
