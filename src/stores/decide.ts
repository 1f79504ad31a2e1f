import { AnswerBuilder } from './kept-answer.ts'
import type {
  Answer,
  FormulaEvent,
  Holder,
  KeyRecord,
  NewFormula,
  StoredFormula,
  Submission,
  Verdict,
} from './ports.ts'

/** What an engine looks up for a decision, in the same transaction. */
interface Lookup {
  /** The answer kept under the submission's key, unless it has expired. */
  answer(submission: Submission): KeyRecord | null
  /** The unfinished submission with the same key. */
  running(submission: Submission): { payload: string; holder: Holder } | null
  /** A visible formula. */
  formula(id: string): StoredFormula | null
  /** The holder of a pending formula with this composition. */
  claimed(id: string): Holder | null
}

/** The submission is accepted: store `added`, which may be empty, and keep the answer. */
export interface Accepted<F = NewFormula> {
  kind: 'accepted'
  added: F[]
  answer: Answer
  /** What to keep of the answer, beside the sequence numbers of `added`: see kept-answer.ts. */
  kept: string
}

/**
 * Decides a submission against what is stored: first replay or reuse of its key, then compositions held by an unfinished
 * submission, then duplicates. All engines use it, so they decide alike.
 */
export function decide(submission: Submission, lookup: Lookup): Verdict | Accepted {
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
    if (holder !== null) return { kind: 'busy', wants: 'composition', holder }
  }
  return decideFormulas(submission, lookup)
}

/** Decides which formulas are new, and which are duplicates. */
export function decideFormulas<F extends Pick<NewFormula, 'id' | 'document'>>(
  { single, onDuplicate, formulas }: Pick<Submission, 'single' | 'onDuplicate'> & { formulas: F[] },
  lookup: Pick<Lookup, 'formula'>,
): Accepted<F> {
  const added = new Map<string, { formula: F; ordinal: number }>()
  const builder = new AnswerBuilder(single)
  const duplicates: { path: string; id: string }[] = []
  for (const [index, formula] of formulas.entries()) {
    const { id } = formula
    const twin = added.get(id)
    const stored = twin === undefined ? lookup.formula(id) : null
    if (twin === undefined && stored === null) {
      added.set(id, { formula, ordinal: added.size })
      builder.added(formula)
      continue
    }
    duplicates.push({ path: single ? '' : `/${index}`, id })
    if (twin !== undefined) builder.twin(twin.formula, twin.ordinal)
    else if (stored !== null) builder.duplicate(stored)
  }
  if (onDuplicate === 'reject' && duplicates.length > 0) {
    return { kind: 'accepted', added: [], answer: { status: 409, duplicates }, kept: JSON.stringify(duplicates) }
  }
  return { kind: 'accepted', added: [...added.values()].map(({ formula }) => formula), ...builder.build() }
}

/** Whether this submission itself was accepted, not an earlier one with its key: then there may be new events. */
export const isNewlyAccepted = (verdict: Verdict, { id }: Pick<Submission, 'id'>): boolean =>
  verdict.kind === 'answered' && verdict.submissionId === id && verdict.answer.status === 200

/** The events of new formulas, whose sequence numbers are not known yet. */
export const eventsOf = (added: NewFormula[], { createdAt }: Pick<Submission, 'createdAt'>): FormulaEvent[] =>
  added.map(({ id, eventBody }) => ({ id, seq: null, createdAt, body: eventBody }))
