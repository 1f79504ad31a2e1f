import type { Formula } from '../../formula/formula.ts'
import type { StoredAnswer, Submission, Verdict } from '../ports.ts'

/**
 * A submission as it is sent to the writer: text alone, the materials as JSON, which is copied between threads several
 * times faster than objects are, and stored as it is. Its own fields come first, then id, name and materials of each
 * formula.
 */
export type PackedSubmission = string[]

type Answered = Extract<Verdict, { kind: 'answered' }>

/** The verdict of nearly every submission. */
export type PackedAnswer = [submissionId: string, status: StoredAnswer['status'], location: string | null, body: string]

export function pack(submission: Submission): PackedSubmission {
  const { id, caller, key, payload, onDuplicate, single, formulas, traceparent = '' } = submission
  const packed = [id, caller, key, payload, onDuplicate, single ? 'single' : 'list', traceparent]
  for (const { id, name, materials } of formulas) packed.push(id, name, JSON.stringify(materials))
  return packed
}

/** Fields that a submission has of its own. */
const OWN_FIELDS = 7

export function unpack(packed: PackedSubmission): Submission<string> {
  const at = (index: number): string => packed[index] as string
  const formulas: Formula<string>[] = []
  for (let first = OWN_FIELDS; first < packed.length; first += 3) {
    formulas.push({ id: at(first), name: at(first + 1), materials: at(first + 2) })
  }
  return {
    id: at(0),
    caller: at(1),
    key: at(2),
    payload: at(3),
    onDuplicate: at(4) as Submission['onDuplicate'],
    single: at(5) === 'single',
    formulas,
    traceparent: at(6) || undefined,
  }
}

export function packVerdict<V extends { kind: string }>(verdict: V): Exclude<V, Answered> | PackedAnswer {
  if (verdict.kind !== 'answered') return verdict as Exclude<V, Answered>
  const { submissionId, answer } = verdict as unknown as Answered
  return [submissionId, answer.status, answer.location, answer.body]
}

export function unpackVerdict<V extends { kind: string }>(packed: V | PackedAnswer): V | Answered {
  if (!Array.isArray(packed)) return packed
  const [submissionId, status, location, body] = packed
  return { kind: 'answered', submissionId, answer: { status, location, body } }
}
