import { allAdded } from '../kept-answer.ts'
import type { NewFormula, Submission, Verdict } from '../ports.ts'

/**
 * A submission as it is sent to the writer: text alone, which is copied between threads several times faster than objects
 * are. Its own fields come first, then those of each formula.
 */
export type PackedSubmission = string[]

/** Fields that a submission has of its own, and fields of a formula. */
const OWN_FIELDS = 7
const FORMULA_FIELDS = 4

export function pack(submission: Submission): PackedSubmission {
  const { id, caller, key, payload, onDuplicate, single, createdAt, formulas } = submission
  const packed = [id, caller, key, payload, onDuplicate, single ? 'single' : 'list', String(createdAt)]
  for (const { id, searchKey, document, eventBody } of formulas) packed.push(id, searchKey, document, eventBody)
  return packed
}

export function unpack(packed: PackedSubmission): Submission {
  const at = (index: number): string => packed[index] as string
  const formulas: NewFormula[] = []
  for (let first = OWN_FIELDS; first < packed.length; first += FORMULA_FIELDS) {
    formulas.push({ id: at(first), searchKey: at(first + 1), document: at(first + 2), eventBody: at(first + 3) })
  }
  return {
    id: at(0),
    caller: at(1),
    key: at(2),
    payload: at(3),
    onDuplicate: at(4) as Submission['onDuplicate'],
    single: at(5) === 'single',
    createdAt: Number(at(6)),
    formulas,
  }
}

/** The verdict on nearly every submission: all its formulas were added, so nothing has to be sent back. */
export const ALL_ADDED = 'all-added'

export function unpackVerdict(verdict: Verdict | typeof ALL_ADDED, submission: Submission): Verdict {
  if (verdict !== ALL_ADDED) return verdict
  return { kind: 'answered', submissionId: submission.id, answer: allAdded(submission) }
}
