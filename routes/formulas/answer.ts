import type { FastifyReply, FastifyRequest, onErrorHookHandler } from 'fastify'
import { allows } from '../../src/access/api-key.ts'
import type { ErrorCode } from '../../src/errors/catalogue.ts'
import { toServiceError } from '../../src/errors/from-http.ts'
import { detail, errorAt, errorBody, ServiceError } from '../../src/errors/service-error.ts'
import { showFormula } from '../../src/formula/formula.ts'
import type { Metrics, SubmissionOutcome } from '../../src/metrics/metrics.ts'
import type { Answer, AnswerEntry } from '../../src/stores/ports.ts'
import type { Outcome, SubmissionRequest } from '../../src/submission/submission.ts'

/** The query of a submission. */
export interface SubmitQuery {
  onDuplicate?: 'reject' | 'skip'
}

/** Sends JSON text, such as formulas, without serialising it again. */
export const sendJson = (reply: FastifyReply, json: string | Buffer): FastifyReply =>
  reply.type('application/json; charset=utf-8').send(json)

/** Submits, and answers the request. */
export async function submit(
  request: FastifyRequest,
  reply: FastifyReply,
  submission: SubmissionRequest,
): Promise<FastifyReply> {
  const { server: fastify, rawRequest } = request
  const outcome = await fastify.orchestrator.submit(submission)
  if (outcome.kind === 'answered') {
    request.submissionId = outcome.submissionId
    if (outcome.replayed && rawRequest !== null) fastify.recentAnswers.remember(rawRequest, outcome.answer)
  }
  countAnswered(fastify.metrics, outcome)
  countGuesses(request, reply, outcome, submission.formulas.length)
  return sendOutcome(reply, outcome)
}

/** Answers a submission: the only place where an outcome becomes a status. */
export function sendOutcome(reply: FastifyReply, outcome: Outcome): FastifyReply {
  switch (outcome.kind) {
    case 'answered':
      return sendAnswer(reply, outcome)
    case 'reused':
      return reply.send(errorAt('Idempotency-Key', 'IDEMPOTENCY_KEY_REUSED'))
    case 'in-use':
      return reply.send(errorAt('Idempotency-Key', 'IDEMPOTENCY_KEY_IN_USE', 1))
    case 'failed':
      return reply.send(new ServiceError('SUBMISSION_FAILED'))
    case 'stopping':
      return reply.send(new ServiceError('SERVICE_STOPPING'))
  }
}

/** Duplicates are shown according to the caller's scopes now, not at the time of the first answer. */
function sendAnswer(reply: FastifyReply, { answer, replayed }: Extract<Outcome, { kind: 'answered' }>): FastifyReply {
  if (answer.status === 410) return reply.send(new ServiceError('FORMULA_ERASED'))
  const { apiKey, query } = reply.request
  const { status, location, body } = writeAnswer(answer, {
    withOutcomes: (query as SubmitQuery).onDuplicate === 'skip',
    showDuplicates: apiKey === null || allows(apiKey.scopes, 'read'),
  })
  if (location !== null) reply.header('Location', location)
  if (replayed) reply.header('Idempotent-Replayed', 'true')
  return sendJson(reply.code(status), body)
}

/** How a request wants its answer to be written. */
interface AnswerStyle {
  /** Whether entries have the field `outcome`. */
  withOutcomes: boolean
  /** Whether a duplicate shows the stored formula, or only its id. */
  showDuplicates: boolean
}

/**
 * Writes an answer. Documents are pasted unchanged, so that a replay is identical byte for byte.
 * @returns `location` is the path of the added formula when a single one was submitted, else null
 */
export function writeAnswer(answer: Exclude<Answer, { status: 410 }>, style: AnswerStyle) {
  if (answer.status === 409) {
    const details = answer.duplicates.map(({ path, id }) => ({ ...detail(path, 'FORMULA_EXISTS'), id }))
    return { status: 409, location: null, body: JSON.stringify(errorBody('FORMULA_EXISTS', details)) } as const
  }
  const { single, entries } = answer
  const only = single && entries[0]?.outcome === 'added' ? entries[0] : undefined
  return {
    status: 200,
    location: only === undefined ? null : `/formulas/${only.id}`,
    body: `{"message":"Formula(s) added!","formulas":[${entries.map((entry) => writeEntry(entry, style)).join()}]}`,
  } as const
}

function writeEntry({ id, outcome, document }: AnswerEntry, { withOutcomes, showDuplicates }: AnswerStyle): string {
  const isHidden = document === null || (outcome === 'duplicate' && !showDuplicates)
  const text = isHidden ? `{"id":"${id}"}` : showFormula({ id, document })
  return withOutcomes ? `${text.slice(0, -1)},"outcome":"${outcome}"}` : text
}

/** Error codes as outcomes in the metrics. All others are `invalid`: refused before any attempt. */
const BY_CODE: Partial<Record<ErrorCode, SubmissionOutcome>> = {
  IDEMPOTENCY_KEY_REUSED: 'reused',
  IDEMPOTENCY_KEY_IN_USE: 'in_use',
  SUBMISSION_FAILED: 'failed',
  INTERNAL_ERROR: 'failed',
  SERVICE_STOPPING: 'stopping',
  SERVICE_OVERLOADED: 'overloaded',
}

/** Counts a submission that was answered with an error; `countAnswered` counts the others. */
export const countRefused: onErrorHookHandler = function (_request, _reply, error, done) {
  this.metrics.submissionEnded(BY_CODE[toServiceError(error).code] ?? 'invalid')
  done()
}

export function countAnswered(metrics: Metrics, outcome: Outcome): void {
  if (outcome.kind !== 'answered') return
  if (outcome.replayed) metrics.submissionEnded('replayed')
  else metrics.submissionEnded(outcome.answer.status === 200 ? 'added' : 'exists')
}

/**
 * Counts each formula of a refused list against the rate limit. The 409 names the known formulas, so that otherwise one
 * list of guesses would reveal as much as many requests.
 */
function countGuesses(request: FastifyRequest, reply: FastifyReply, outcome: Outcome, formulas: number): void {
  if (outcome.kind !== 'answered' || outcome.replayed || outcome.answer.status === 200) return
  const { server, caller } = request
  server.metrics.formulasRefused(caller, formulas)
  server.chargeRateLimit(request, reply, formulas - 1)
}
