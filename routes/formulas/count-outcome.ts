import type { FastifyReply, FastifyRequest, onErrorHookHandler } from 'fastify'
import type { ErrorCode } from '../../src/errors/catalogue.ts'
import { toServiceError } from '../../src/errors/from-http.ts'
import type { Metrics, SubmissionOutcome } from '../../src/metrics/metrics.ts'
import type { Outcome } from '../../src/submission/outcome.ts'

/** What is answered with an error counts by its code; what is not named here was refused before it was tried. */
const BY_CODE: Partial<Record<ErrorCode, SubmissionOutcome>> = {
  IDEMPOTENCY_KEY_REUSED: 'reused',
  IDEMPOTENCY_KEY_IN_USE: 'in_use',
  SUBMISSION_FAILED: 'failed',
  INTERNAL_ERROR: 'failed',
  SERVICE_STOPPING: 'stopping',
  SERVICE_OVERLOADED: 'overloaded',
}

/** Counts a submission that has an answer. The others are counted as errors, on their way out. */
export function countAnswered(metrics: Metrics, outcome: Outcome): void {
  if (outcome.kind !== 'answered') return
  if (outcome.replayed) metrics.submissionEnded('replayed')
  else metrics.submissionEnded(outcome.answer.status === 200 ? 'added' : 'exists')
}

/**
 * Counts each formula of a refused list as a request of its caller: the 409 names those that are known, so that a list
 * of guesses would otherwise find out as much as many requests.
 */
export function countGuesses(request: FastifyRequest, reply: FastifyReply, outcome: Outcome, formulas: number): void {
  if (outcome.kind !== 'answered' || outcome.replayed || outcome.answer.status === 200) return
  const { server, caller } = request
  server.metrics.formulasRefused(caller, formulas)
  server.countAsMore(request, reply, formulas - 1)
}

/** Counts a submission that is answered with an error. */
export const countRefused: onErrorHookHandler = function (_request, _reply, error, done) {
  this.metrics.submissionEnded(BY_CODE[toServiceError(error).code] ?? 'invalid')
  done()
}
