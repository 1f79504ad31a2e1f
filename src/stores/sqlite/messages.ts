import { allAdded } from '../kept-answer.ts'
import type { NewFormula, Submission, Verdict } from '../ports.ts'
import type { WriteOptions } from './commands.ts'

/** How a worker is started. */
export type WorkerSetup = { mode: 'read'; path: string } | ({ mode: 'write'; path: string } & WriteOptions)

/** One call. `now` is by the service's clock, `startBy` by the system clock; both in ms since the epoch. */
export type Call = [command: string, now: number, args: unknown[], startBy: number]

export type CallResult = { value: unknown } | { error: string } | { unknownSubscription: string }

/** A message from a worker: first that its store is open or was refused, then the results and seconds of each batch. */
export type WorkerMessage = { opened: true } | { refused: string } | { results: CallResult[]; seconds: number }

/**
 * A submission as it is sent to the writer: its own fields, then those of each formula. A list of strings is copied between
 * threads several times faster than objects.
 */
export type PackedSubmission = string[]

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

/** Stands for the most common verdict, all formulas added, whose answer the caller can derive from the submission. */
export const ALL_ADDED = 'all-added'

export function unpackVerdict(verdict: Verdict | typeof ALL_ADDED, submission: Submission): Verdict {
  if (verdict !== ALL_ADDED) return verdict
  return { kind: 'answered', submissionId: submission.id, answer: allAdded(submission) }
}
