import { writeAnswer } from '../../../routes/formulas/answer.ts'
import { validateSubmission } from '../../../src/formula/validate.ts'
import { sleep } from '../../../src/kit/clock.ts'
import type { Outcome, SubmissionRequest } from '../../../src/submission/submission.ts'
import type { Operation } from './explanation.ts'
import type { InterleavedService } from './interleaved-service.ts'
import { type Plan, requestOf, submissionOf } from './submit-commands.ts'

/** What one consumer does, twice. */
export interface Consumption {
  max: number
  waitMs: number
  leaseMs: number
  answer: 'ack' | 'nack' | 'extend' | 'nothing'
}

/** After so many tries a key counts as unusable. */
const MOST_TRIES = 10
/** Retry-After, in milliseconds. */
const RETRY_MS = 1_000

/** The clients of one run, and their history. */
export class Clients {
  readonly operations: Operation[] = []
  /** Answers that ask the client to try again. */
  refusals = 0
  /** Receipts that reached a consumer. */
  readonly received: string[] = []
  readonly #service: InterleavedService
  readonly #ids: readonly string[]
  #moment = 0

  constructor(service: InterleavedService, ids: readonly string[]) {
    this.#service = service
    this.#ids = ids
  }

  /** Submits under the same key until there is an answer. */
  async submit(plan: Plan): Promise<void> {
    const submission = submissionOf(plan, this.#ids)
    const request = checked(plan)
    await this.#service.pause('a client')
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const operation: Operation = { submission, begun: ++this.#moment, ended: Infinity, answer: null }
      const outcome = await this.#service.submit(request)
      // IDEMPOTENCY_KEY_IN_USE proves that it had no effect; no answer, or a 503, does not.
      if (outcome?.kind !== 'in-use') this.operations.push(operation)
      operation.ended = ++this.#moment
      if (outcome?.kind === 'answered' || outcome?.kind === 'reused') {
        operation.answer = seenAnswer(outcome, plan)
        return
      }
      if (outcome === null) continue
      this.refusals++
      await sleep(this.#service.clock, RETRY_MS)
    }
    throw new Error(`The key of ${JSON.stringify(plan)} is unusable`)
  }

  async consume({ max, waitMs, leaseMs, answer }: Consumption): Promise<void> {
    for (const _ of [1, 2]) {
      await this.#service.pause('a consumer')
      const events = await this.#service.receive(max, leaseMs, waitMs)
      const receipts = (events ?? []).map(({ receipt }) => receipt)
      this.received.push(...receipts)
      if (receipts.length === 0 || answer === 'nothing') continue
      await this.#service.pause('an answer')
      await this.#service.settle((queue) => {
        if (answer === 'ack') return queue.ack(receipts)
        return answer === 'nack' ? queue.nack(receipts, 0) : queue.extend(receipts, leaseMs)
      })
    }
  }

  /** Advances the clock at a moment that the scheduler chooses. */
  async jump(ms: number): Promise<void> {
    await this.#service.started()
    await this.#service.pause('time passes')
    this.#service.clock.advance(ms)
  }
}

function seenAnswer(outcome: Extract<Outcome, { kind: 'answered' | 'reused' }>, plan: Plan): Operation['answer'] {
  if (outcome.kind === 'reused') return { status: 422, body: null, replayed: false }
  const { answer, replayed } = outcome
  if (answer.status === 410) throw new Error('Nothing was erased')
  const style = { accept: undefined, idsOnly: false, withOutcomes: plan.onDuplicate === 'skip', showDuplicates: true }
  const { status, text: body } = writeAnswer(answer, style)
  return { status, body, replayed }
}

function checked(plan: Plan): SubmissionRequest {
  const { payload } = requestOf(plan)
  const body = validateSubmission(JSON.parse(`${payload}`))
  if (!body.valid) throw new Error(`Not valid: ${payload}`)
  const { formulas, single } = body
  return { caller: '', key: `key-${plan.key}`, onDuplicate: plan.onDuplicate, single, formulas }
}
