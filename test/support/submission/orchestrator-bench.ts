import type { Test } from 'tap'
import type { Formula } from '../../../src/formula/formula.ts'
import { validateSubmission } from '../../../src/formula/validate.ts'
import type {
  CleanupQueue,
  EventQueue,
  FormulaDb,
  IdempotencyStore,
  Intake,
  Stores,
  Submission,
} from '../../../src/stores/ports.ts'
import { openMemory, openMemoryQueue } from '../../../src/stores/sqlite/memory.ts'
import { type OrchestratorOptions, UNTRACED } from '../../../src/submission/options.ts'
import { Orchestrator } from '../../../src/submission/orchestrator.ts'
import { type Outcome, payloadHash, type SubmissionRequest, toSubmission } from '../../../src/submission/submission.ts'
import { DEFAULT } from '../../contract/leasing.ts'
import { listed, NOON, namesIn, submissionId } from '../../contract/submissions.ts'
import { TestClock } from '../test-clock.ts'
import { type Faulty, faulty } from './faulty-stores.ts'

/** An orchestrator on memory stores, each behind a fault layer, with a clock moved by hand. */
export interface Bench {
  clock: TestClock
  /** The stores as they are, without faults. */
  real: Stores
  db: Faulty<FormulaDb>
  queue: Faulty<EventQueue>
  idempotency: Faulty<IdempotencyStore>
  cleanups: Faulty<CleanupQueue>
  intake: Faulty<Intake>
  /** What the orchestrator has logged. */
  logged: string[]
  orchestrator: Orchestrator
  /** Lets time pass until the promise settles. */
  finish<T>(promise: Promise<T>): Promise<T>
  submit(request: SubmissionRequest): Promise<Outcome>
}

export function setUp(
  t: Test,
  strategy: 'one transaction' | 'saga',
  changed: Partial<OrchestratorOptions> = {},
): Bench {
  const clock = new TestClock()
  const options = { clock, answerTtlMs: 86_400_000, maxReceives: 5 }
  const memory = openMemory(options)
  const real: Stores = strategy === 'saga' ? { ...memory, queue: openMemoryQueue(options), intake: null } : memory
  const [db, queue, idempotency] = [faulty(real.db), faulty(real.queue), faulty(real.idempotency)]
  const [cleanups, intake] = [faulty(real.cleanups), faulty<Intake>(memory.intake)]
  const logged: string[] = []
  const log = {
    warn: (_: object, text: string) => logged.push(text),
    error: (_: object, text: string) => logged.push(text),
  }
  let ids = 0
  const orchestrator = new Orchestrator(
    {
      ...real,
      db: db.port,
      queue: queue.port,
      idempotency: idempotency.port,
      cleanups: cleanups.port,
      intake: strategy === 'saga' ? null : intake.port,
    },
    {
      retries: 3,
      baseMs: 1_000,
      maxMs: 10_000,
      deadlineMs: 30_000,
      waitMs: 10_000,
      retentionMs: 3_600_000,
      clock,
      random: () => 0.5,
      tracer: UNTRACED,
      newId: () => submissionId(++ids),
      log,
      ...changed,
    },
  )
  const finish = <T>(promise: Promise<T>): Promise<T> => passTime(clock, promise)
  const submit = (request: SubmissionRequest) => finish(orchestrator.submit(request))
  t.teardown(() => finish(orchestrator.close()))
  return { clock, real, db, queue, idempotency, cleanups, intake, logged, orchestrator, finish, submit }
}

/** Turns of the event loop without progress before time moves on. */
const TURNS = 3
const LONGEST_STEP_MS = 1_000

/**
 * Lets time pass until the promise settles: from one timer to the next.
 * @param held work that takes real time: the clock stands still until it is done; null when there is none
 */
export async function passTime<T>(
  clock: TestClock,
  promise: Promise<T>,
  held: () => Promise<unknown> | null = () => null,
): Promise<T> {
  let settled = false
  const end = (): void => {
    settled = true
  }
  promise.then(end, end)
  for (;;) {
    for (let turn = 0; turn < TURNS || held() !== null; turn++) {
      await held()
      await new Promise((resolve) => setImmediate(resolve))
    }
    if (settled) return promise
    clock.advance(Math.min(clock.nextAt - clock.now(), LONGEST_STEP_MS))
  }
}

/** A valid submission of formulas that have one material each, with these concentrations. */
export function request(
  key: string,
  concentrations: string[],
  changed: Partial<SubmissionRequest> = {},
): SubmissionRequest {
  const body = concentrations.map((concentration) => ({
    name: `Formula ${concentration}`,
    materials: [{ name: 'Rose', concentration }],
  }))
  const checked = validateSubmission(body)
  const formulas: Formula[] = checked.valid ? checked.formulas : []
  return { caller: '', key, onDuplicate: 'reject', single: false, formulas, ...changed }
}

/** A submission of a request that another process ran. */
export const ranElsewhere = (of: SubmissionRequest, id: string): Submission =>
  toSubmission(of, { id, payload: payloadHash(of), createdAt: NOON, traceparent: undefined })

/** Names of the stored formulas, and numbers of events and cleanups. */
export async function contents(stores: Stores): Promise<{ formulas: string[]; events: number; cleanups: number }> {
  const { items } = await listed(stores.db, { limit: 200 })
  const { ready, leased, delayed, dead } = await stores.queue.stats(DEFAULT)
  const cleanups = (await stores.cleanups.list(100)).length
  return { formulas: namesIn(items), events: ready + leased + delayed + dead, cleanups }
}
