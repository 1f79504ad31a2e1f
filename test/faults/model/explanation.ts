import type { ShownFormula } from '../../support/http/service.ts'
import { type Expected, type Model, newModel, payloadOf, type Submission, submit } from './model.ts'

/** One submission as its client saw it. */
export interface Operation {
  submission: Submission
  /** Logical times at which it was sent and answered. */
  begun: number
  ended: number
  /** Null without an answer, or after a 503: it may take effect, even later. A 422 has no body here. */
  answer: { status: number; body: string | null; replayed: boolean } | null
}

/** Times of acceptance are not compared. */
const NOW = 0
const CREATED_AT = new Date(NOW).toISOString()
const timeless = (text: string): string => text.replace(/"createdAt":"[^"]*"/g, `"createdAt":"${CREATED_AT}"`)

function isAnswer({ answer }: Operation, { status, body, replayed = false }: Expected): boolean {
  if (answer === null) return true
  if (answer.status !== status || answer.replayed !== replayed) return false
  return answer.body === null || timeless(answer.body) === timeless(`${body}`)
}

/** A 422 is also right while another payload is in flight under the key, whatever its outcome. */
function isReused({ answer, begun, ended, submission }: Operation, all: Operation[]): boolean {
  const isOther = (other: Submission): boolean =>
    other.key === submission.key && payloadOf(other) !== payloadOf(submission)
  const holds = (other: Operation): boolean =>
    other.answer?.status !== 422 && isOther(other.submission) && other.begun < ended && begun < other.ended
  return answer?.status === 422 && all.some(holds)
}

const formulasOf = (formulas: ShownFormula[]): string =>
  JSON.stringify(formulas.map(({ id, name, materials }) => [id, name, materials]))

/**
 * Whether the submissions are linearizable: in some serial order, in which one that ended before another began comes
 * first, the model gives the same answers and ends with the same formulas.
 * @param stored in order of acceptance
 */
export function isExplained(operations: Operation[], stored: ShownFormula[]): boolean {
  const wanted = formulasOf(stored)
  const search = (model: Model, left: Operation[]): boolean => {
    if (left.every(({ answer }) => answer === null) && formulasOf(model.formulas) === wanted) return true
    const firstEnd = Math.min(...left.map(({ answer, ended }) => (answer === null ? Infinity : ended)))
    for (const next of left) {
      if (next.begun > firstEnd) continue
      const tried = { ...model, formulas: [...model.formulas], answers: new Map(model.answers) }
      const others = left.filter((other) => other !== next)
      if (isAnswer(next, submit(tried, next.submission)) && search(tried, others)) return true
    }
    return false
  }
  const empty = newModel(NOW, { ttlMs: Number.MAX_SAFE_INTEGER, maxReceives: 1 })
  return search(
    empty,
    operations.filter((operation) => !isReused(operation, operations)),
  )
}
