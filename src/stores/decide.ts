import type { StoredFormula } from '../formula/formula.ts'
import { type AnsweredFormula, addedAnswer, existsAnswer, type WriteMaterials } from './answer.ts'
import type { Decision, FormulaEvent, Holder, KeyRecord, StoredAnswer, Submission, Verdict } from './ports.ts'
import { traced } from './traced.ts'

/** What an engine looks up, inside the transaction that the judgement is part of. */
export interface Lookup<M> {
  /** What is kept under the submission's key, unless it has expired. */
  answer(submission: Submission<M>): KeyRecord | null
  /** Who runs under the submission's key without an answer yet. */
  running(submission: Submission<M>): { payload: string; holder: Holder } | null
  /** A visible formula. */
  formula(id: string): StoredFormula<M> | null
  /** Writes materials as JSON. */
  write: WriteMaterials<M>
  /** Whose pending formula has this make-up. */
  claimed(id: string): Holder | null
}

export type Decided<M> =
  | Verdict
  /** Nothing new to store: keep this answer. */
  | { kind: 'settled'; answer: StoredAnswer }
  /** Store these, and keep this answer. */
  | { kind: 'accepted'; added: StoredFormula<M>[]; answer: StoredAnswer }

/**
 * Decides a submission against what is stored: replay or reuse of its key first, then make-ups still undecided, then
 * duplicates. Every engine asks it, so that all of them decide alike.
 * @param createdAt the time of acceptance, ISO 8601 in UTC
 */
export function decide<M>(submission: Submission<M>, lookup: Lookup<M>, createdAt: string): Decided<M> {
  const known = lookup.answer(submission)
  if (known !== null) {
    if (known.payload !== submission.payload) return { kind: 'reused' }
    return { kind: 'answered', submissionId: known.submissionId, answer: known.answer }
  }
  const running = lookup.running(submission)
  if (running !== null) {
    if (running.holder === 'submission' && running.payload !== submission.payload) return { kind: 'reused' }
    return { kind: 'busy', wants: 'key', holder: running.holder }
  }
  for (const { id } of submission.formulas) {
    const holder = lookup.claimed(id)
    if (holder !== null) return { kind: 'busy', wants: 'make-up', holder }
  }
  return judgeFormulas(submission, lookup, createdAt)
}

function judgeFormulas<M>(submission: Submission<M>, lookup: Lookup<M>, createdAt: string): Decided<M> {
  const added = new Map<string, StoredFormula<M>>()
  const entries: AnsweredFormula<M>[] = []
  const duplicates: { path: string; id: string }[] = []
  const skip = submission.onDuplicate === 'skip'
  submission.formulas.forEach((formula, index) => {
    const twin = added.get(formula.id) ?? lookup.formula(formula.id)
    const stored = twin ?? { id: formula.id, name: formula.name, materials: formula.materials, createdAt }
    if (twin === null) added.set(formula.id, stored)
    else duplicates.push({ path: submission.single ? '' : `/${index}`, id: formula.id })
    entries.push(skip ? { ...stored, outcome: twin === null ? 'added' : 'duplicate' } : stored)
  })
  if (!skip && duplicates.length > 0) return { kind: 'settled', answer: existsAnswer(duplicates) }
  const answer = addedAnswer(entries, submission.single, lookup.write)
  return added.size === 0 ? { kind: 'settled', answer } : { kind: 'accepted', added: [...added.values()], answer }
}

/** Whether a verdict tells that this submission itself was taken in, so that there may be new events. */
export const isTakenIn = (verdict: Verdict, { id }: Pick<Submission, 'id'>): boolean =>
  verdict.kind === 'answered' && verdict.submissionId === id && verdict.answer.status === 200

/** The events that tell of the new formulas of a submission. */
export function eventsOf(
  formulas: Omit<StoredFormula, 'materials'>[],
  { traceparent }: Pick<Submission, 'traceparent'>,
): FormulaEvent[] {
  return formulas.map(({ id, name, createdAt }) => ({ id, name, createdAt, ...traced(traceparent) }))
}

/** Where the decision on an attempt stands, by what is known of its intent. */
export function decisionOf(
  intent: { state: string; answer: StoredAnswer; events: FormulaEvent[] } | null | undefined,
): Decision {
  if (intent?.state !== 'completed') return { kind: 'abandoned' }
  return { kind: 'completed', answer: intent.answer, events: intent.events }
}
