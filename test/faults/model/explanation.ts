import type { ShownFormula } from '../../support/http/service.ts'
import { type Expected, type Model, newModel, payloadOf, type Submission, submit } from './model.ts'

/** One submission as its client saw it. */
export interface Operation {
  submission: Submission
  /** When it was sent and when it was over, in an order that is the clients' own. */
  begun: number
  ended: number
  /** Null when it was not answered, or with a 503: it may take effect, even later, or not. A 422 has no body here. */
  answer: { status: number; body: string | null; replayed: boolean } | null
}

/** The time of acceptance is not judged here: all is accepted at one time. */
const NOW = 0
const CREATED_AT = new Date(NOW).toISOString()
const timeless = (text: string): string => text.replace(/"createdAt":"[^"]*"/g, `"createdAt":"${CREATED_AT}"`)

function isAnswer({ answer }: Operation, { status, body, replayed = false }: Expected): boolean {
  if (answer === null) return true
  if (answer.status !== status || answer.replayed !== replayed) return false
  return answer.body === null || timeless(answer.body) === timeless(`${body}`)
}

/** A key is reused also while another payload runs under it, whatever that comes to and when. */
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
 * Whether there is an order of the submissions, one after another, in which the model gives every answer that was
 * given and ends with just these formulas. One that was over before another began comes before it.
 * @param stored in order of acceptance
 */
export function isExplained(operations: Operation[], stored: ShownFormula[]): boolean {
  const wanted = formulasOf(stored)
  const search = (model: Model, left: Operation[]): boolean => {
    if (left.every(({ answer }) => answer === null) && formulasOf(model.formulas) === wanted) return true
    const firstEnd = Math.min(...left.map(({ answer, ended }) => (answer === null ? Infinity : ended)))
    for (const next of left) {
      if (next.begun > firstEnd) continue
      const tried = structuredClone(model)
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
