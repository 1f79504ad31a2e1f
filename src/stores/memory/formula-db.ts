import type { Material, StoredFormula } from '../../formula/formula.ts'
import { type Clock, isoTime } from '../../kit/clock.ts'
import { type Decided, decide, decisionOf, eventsOf } from '../decide.ts'
import {
  type AddVerdict,
  type Decision,
  type FormulaDb,
  type FormulaQuery,
  HEAD_START_MS,
  type Page,
  type Submission,
} from '../ports.ts'
import { Formulas } from './formulas.ts'
import type { MemoryIdempotencyStore } from './idempotency-store.ts'
import { type Intent, Intents } from './intents.ts'

/** The database in memory: formulas, and the intents of sagas. */
export class MemoryFormulaDb implements FormulaDb {
  readonly formulas = new Formulas()
  readonly intents = new Intents()
  readonly #clock: Clock
  readonly #answers: MemoryIdempotencyStore

  constructor(clock: Clock, answers: MemoryIdempotencyStore) {
    this.#clock = clock
    this.#answers = answers
  }

  async get(id: string): Promise<StoredFormula | null> {
    return this.formulas.get(id)
  }

  async list(query: FormulaQuery): Promise<Page<StoredFormula>> {
    return this.formulas.list(query)
  }

  async add(attemptId: string, submission: Submission): Promise<AddVerdict> {
    const known = this.intents.get(attemptId)
    if (known !== undefined) return addAgain(known)
    if (this.#answers.givenUp.get(attemptId)) return { kind: 'given-up' }
    const verdict = this.decide(submission)
    if (verdict.kind !== 'accepted') return verdict
    const { added: formulas, answer } = verdict
    const events = eventsOf(formulas, submission)
    this.intents.open({ id: attemptId, submission, answer, formulas, events })
    return { kind: 'added', events }
  }

  async complete(attemptId: string): Promise<Decision> {
    const intent = this.intents.get(attemptId)
    if (intent?.state === 'pending') {
      const now = this.#clock.now()
      this.formulas.add(intent.formulas)
      this.#answers.keep(intent.submission, intent.answer)
      this.intents.complete(intent, now, now + HEAD_START_MS)
    }
    return decisionOf(intent)
  }

  async abandon(attemptId: string, reason: string): Promise<Decision> {
    const intent = this.intents.get(attemptId)
    const now = this.#clock.now()
    if (intent?.state === 'pending') this.intents.rollBack(intent, reason, now, now + HEAD_START_MS)
    if (intent?.state !== 'completed') this.#answers.givenUp.add(attemptId, true, now)
    return decisionOf(intent)
  }

  async remove(attemptId: string): Promise<void> {
    const intent = this.intents.get(attemptId)
    if (intent?.state === 'completed') return
    if (intent !== undefined) this.intents.close(intent)
    this.#answers.givenUp.add(attemptId, true, this.#clock.now())
  }

  async finish(attemptId: string): Promise<void> {
    const intent = this.intents.get(attemptId)
    if (intent?.state === 'completed') this.intents.close(intent)
  }

  async probe(): Promise<void> {}

  /** Judges a submission; the answer of one that brings nothing new is kept at once. */
  decide(submission: Submission): Exclude<Decided<Material[]>, { kind: 'settled' }> {
    const lookup = {
      answer: () => this.#answers.peek(submission),
      running: () => this.intents.running(submission),
      formula: (id: string) => this.formulas.get(id),
      claimed: (id: string) => this.intents.claimed(id),
      write: JSON.stringify,
    }
    const judgement = decide(submission, lookup, isoTime(this.#clock.now()))
    if (judgement.kind !== 'settled') return judgement
    this.#answers.keep(submission, judgement.answer)
    return { kind: 'answered', submissionId: submission.id, answer: judgement.answer }
  }
}

/** The verdict on an attempt that was added before. */
function addAgain({ state, events, submission, answer }: Intent): AddVerdict {
  if (state === 'rolling-back') return { kind: 'given-up' }
  return state === 'pending' ? { kind: 'added', events } : { kind: 'answered', submissionId: submission.id, answer }
}
