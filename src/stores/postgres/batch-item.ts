import { hash } from 'node:crypto'
import type { StoredFormula } from '../../formula/formula.ts'
import { isoTime } from '../../kit/clock.ts'
import { decide as decideSubmission, type Lookup } from '../decide.ts'
import type { AddVerdict, FormulaEvent, Holder, KeyRecord, StoredAnswer, Submission } from '../ports.ts'

/** What is to be stored of a submission. */
export interface Plan {
  added: StoredFormula<string>[]
  answer: StoredAnswer
}

/** A submission on its way to the database, its materials as JSON. */
export interface BatchItem {
  submission: Submission<string>
  slot: string
  /** The attempt of a saga; null where events are published in the same transaction. */
  attempt: string | null
  /** Its slot and its make-ups. */
  claims: string[]
  /** The length of its materials, in characters. */
  length: number
}

export function toBatchItem(submission: Submission, attempt: string | null): BatchItem {
  const formulas = submission.formulas.map(({ id, name, materials }) => ({
    id,
    name,
    materials: JSON.stringify(materials),
  }))
  const slot = slotOf(submission.caller, submission.key)
  const claims = [slot, ...formulas.map(({ id }) => id)]
  const length = formulas.reduce((sum, { materials }) => sum + materials.length, 0)
  return { submission: { ...submission, formulas }, slot, attempt, claims, length }
}

/** What an answer is kept under: the first half of SHA-256 over caller and key, as a UUID. */
export function slotOf(caller: string, key: string): string {
  const digits = hash('sha256', `${caller}\0${key}`, 'hex')
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    digits.slice(12, 16),
    digits.slice(16, 20),
    digits.slice(20, 32),
  ].join('-')
}

/** What the database holds of all that a batch wants. */
export interface Known {
  answers: Map<string, KeyRecord>
  running: Map<string, { payload: string; holder: Holder }>
  formulas: Map<string, StoredFormula<string>>
  pending: Map<string, Holder>
  intents: Map<string, { state: string; events: FormulaEvent[] }>
}

/** Nothing: what a submission is judged by first, since most meet nothing. */
export const nothingKnown = (): Known => ({
  answers: new Map(),
  running: new Map(),
  formulas: new Map(),
  pending: new Map(),
  intents: new Map(),
})

/** Decides a member against what is known: to be stored so, or a verdict that stores nothing. */
export function decide(member: BatchItem, known: Known, now: number): { plan: Plan } | { verdict: AddVerdict } {
  const { submission, slot, attempt } = member
  const own = attempt === null ? undefined : known.intents.get(attempt)
  if (own?.state === 'pending') return { verdict: { kind: 'added', events: own.events } }
  const isAnswered = known.answers.get(slot)?.submissionId === submission.id
  if (own !== undefined && !isAnswered) return { verdict: { kind: 'given-up' } }
  const lookup: Lookup<string> = {
    answer: () => known.answers.get(slot) ?? null,
    running: () => known.running.get(slot) ?? null,
    formula: (id) => known.formulas.get(id) ?? null,
    claimed: (id) => known.pending.get(id) ?? null,
    write: (json) => json,
  }
  const judgement = decideSubmission(submission, lookup, isoTime(now))
  if (judgement.kind === 'settled') return { plan: { added: [], answer: judgement.answer } }
  if (judgement.kind === 'accepted') return { plan: judgement }
  return { verdict: judgement }
}
