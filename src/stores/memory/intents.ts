import type { StoredFormula } from '../../formula/formula.ts'
import type { FormulaEvent, Holder, StoredAnswer, Submission } from '../ports.ts'
import { keyName } from './idempotency-store.ts'
import { SortedMap } from './sorted-map.ts'

/** What a saga has set out to do, until it is done or undone. */
export interface Intent {
  readonly id: string
  readonly submission: Submission
  readonly answer: StoredAnswer
  readonly formulas: StoredFormula[]
  readonly events: FormulaEvent[]
  state: 'pending' | 'rolling-back' | 'completed'
  /** The rest tells of the background work on it, once it is decided; times in milliseconds since the epoch. */
  reason: string
  attempts: number
  decidedAt: number
  nextAttemptAt: number
  /** Tells apart what is due at one time. */
  serial: number
}

/** The intents by attempt, by what they hold (a key, make-ups), and by when they are due. */
export class Intents {
  readonly #byId = new Map<string, Intent>()
  readonly #byKey = new Map<string, Intent>()
  readonly #byMakeUp = new Map<string, Intent>()
  readonly #rollbacks = new Map<string, Intent>()
  readonly #due = new SortedMap<[at: number, serial: number], Intent>(undefined, (a, b) => a[0] - b[0] || a[1] - b[1])
  #lastSerial = 0

  get(id: string): Intent | undefined {
    return this.#byId.get(id)
  }

  /** Opens a pending intent, which claims the key and the make-ups. */
  open(base: Pick<Intent, 'id' | 'submission' | 'answer' | 'formulas' | 'events'>): void {
    const serial = ++this.#lastSerial
    const intent: Intent = {
      ...base,
      state: 'pending',
      reason: '',
      attempts: 0,
      decidedAt: 0,
      nextAttemptAt: 0,
      serial,
    }
    this.#byId.set(intent.id, intent)
    this.#byKey.set(keyName(intent.submission), intent)
    for (const { id } of intent.formulas) this.#byMakeUp.set(id, intent)
  }

  running(submission: Submission): { payload: string; holder: Holder } | null {
    const intent = this.#byKey.get(keyName(submission))
    return intent === undefined ? null : { payload: intent.submission.payload, holder: holderOf(intent) }
  }

  claimed(makeUp: string): Holder | null {
    const intent = this.#byMakeUp.get(makeUp)
    return intent === undefined ? null : holderOf(intent)
  }

  /** The formulas are visible and the answer is kept: nothing is claimed any more, but events are to be released. */
  complete(intent: Intent, now: number, nextAttemptAt: number): void {
    this.#unclaim(intent)
    this.#decide(intent, 'completed', '', now, nextAttemptAt)
  }

  /** The claims stay until the rollback is done. */
  rollBack(intent: Intent, reason: string, now: number, nextAttemptAt: number): void {
    this.#rollbacks.set(intent.id, intent)
    this.#decide(intent, 'rolling-back', reason, now, nextAttemptAt)
  }

  close(intent: Intent): void {
    this.#byId.delete(intent.id)
    this.#rollbacks.delete(intent.id)
    this.#due.delete([intent.nextAttemptAt, intent.serial])
    if (intent.state !== 'completed') this.#unclaim(intent)
  }

  reschedule(intent: Intent, nextAttemptAt: number): void {
    this.#due.delete([intent.nextAttemptAt, intent.serial])
    intent.nextAttemptAt = nextAttemptAt
    this.#due.set([nextAttemptAt, intent.serial], intent)
  }

  /** Up to `limit` decided intents that are due at `now`, the longest due first. */
  due(now: number, limit: number): Intent[] {
    const due: Intent[] = []
    for (const intent of this.#due.values()) {
      if (intent.nextAttemptAt > now || due.length === limit) break
      due.push(intent)
    }
    return due
  }

  /** Up to `limit` rollbacks, the first decided first. */
  rollbacks(limit: number): Intent[] {
    return this.#rollbacks.values().take(limit).toArray()
  }

  /** All that are undecided. */
  pending(): Intent[] {
    return this.#byId
      .values()
      .filter(({ state }) => state === 'pending')
      .toArray()
  }

  /** When the oldest of those completed was completed; null when there is none. */
  oldestCompleted(): number | null {
    const completed = [...this.#due.values()].filter(({ state }) => state === 'completed')
    return completed.reduce<number | null>((oldest, { decidedAt }) => Math.min(oldest ?? decidedAt, decidedAt), null)
  }

  /** Makes all that is decided due at `now`. */
  hasten(now: number): void {
    for (const intent of [...this.#due.values()]) this.reschedule(intent, now)
  }

  #decide(intent: Intent, state: Intent['state'], reason: string, now: number, nextAttemptAt: number): void {
    intent.state = state
    intent.reason = reason
    intent.decidedAt = now
    this.reschedule(intent, nextAttemptAt)
  }

  #unclaim(intent: Intent): void {
    this.#byKey.delete(keyName(intent.submission))
    for (const { id } of intent.formulas) this.#byMakeUp.delete(id)
  }
}

const holderOf = (intent: Intent): Holder => (intent.state === 'pending' ? 'submission' : 'cleanup')
