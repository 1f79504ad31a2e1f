import type { FastifyReply, FastifyRequest, onErrorHookHandler } from 'fastify'
import { allows } from '../../src/access/api-key.ts'
import type { ErrorCode } from '../../src/errors/catalogue.ts'
import { toServiceError } from '../../src/errors/from-http.ts'
import { writeError } from '../../src/errors/problem.ts'
import { detail, errorAt, errorBody, ServiceError } from '../../src/errors/service-error.ts'
import { showFormula } from '../../src/formula/formula.ts'
import type { Metrics, SubmissionOutcome } from '../../src/metrics/metrics.ts'
import type { Answer, AnswerEntry, StoredFormula } from '../../src/stores/ports.ts'
import type { Outcome, SubmissionRequest } from '../../src/submission/submission.ts'
import { ADDED } from './schemas.ts'

/** The query of a submission. */
export interface SubmitQuery {
  onDuplicate?: 'reject' | 'skip'
}

const JSON_TYPE = 'application/json; charset=utf-8'

/** Sends JSON text, such as formulas, without serialising it again. */
export const sendJson = (reply: FastifyReply, json: string | Buffer): FastifyReply => reply.type(JSON_TYPE).send(json)

/** Sends a stored formula, or only 304 to a caller that has it already. */
export function sendFormula(reply: FastifyReply, formula: StoredFormula): FastifyReply {
  const tag = `"${formula.id}-${formula.seq}"`
  reply.headers({ ETag: tag, 'Cache-Control': 'private, no-cache' })
  // Node sends a 304 without its body.
  if (isNamed(tag, reply.request.headers['if-none-match'])) reply.code(304)
  return sendJson(reply, showFormula(formula))
}

/** Whether an `If-None-Match` names a tag, weak or not. The quotes of the tag keep it from being part of another. */
const isNamed = (tag: string, header = ''): boolean => header.trim() === '*' || header.includes(tag)

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

/** Written for this request, also when it is replayed: for its `Accept` and `Prefer`, and the caller's scopes now. */
function sendAnswer(reply: FastifyReply, { answer, replayed }: Extract<Outcome, { kind: 'answered' }>): FastifyReply {
  if (answer.status === 410) return reply.send(new ServiceError('FORMULA_ERASED'))
  const { headers, query } = reply.request
  const idsOnly = prefersMinimal(headers.prefer)
  const { status, location, type, text } = writeAnswer(answer, {
    accept: headers.accept,
    idsOnly,
    withOutcomes: (query as SubmitQuery).onDuplicate === 'skip',
    showDuplicates: mayRead(reply.request),
  })
  if (location !== null) reply.header('Location', location)
  if (replayed) reply.header('Idempotent-Replayed', 'true')
  if (idsOnly && status === 200) reply.header('Preference-Applied', 'return=minimal')
  return reply.code(status).type(type).send(text)
}

/** The preferences in a `Prefer` header, split at commas outside quotes. */
const PREFERENCES = /(?:[^,"]|"(?:[^"\\]|\\.?)*(?:"|$))+/g

/** Whether a `Prefer` header (RFC 7240) asks for `return=minimal`. Of several preferences of one name, the first counts. */
function prefersMinimal(header: string | string[] | undefined): boolean {
  if (header === undefined) return false
  const preference = String(header)
    .match(PREFERENCES)
    ?.find((each) => /^\s*return\s*(?:[=;]|$)/i.test(each))
  return preference !== undefined && /^\s*return\s*=\s*(?:minimal|"minimal")\s*(?:;|$)/i.test(preference)
}
const mayRead = ({ apiKey }: FastifyRequest): boolean => apiKey === null || allows(apiKey.scopes, 'read')

/** How a request wants its answer to be written. */
interface AnswerStyle {
  /** Whether entries are shown only by their ids. */
  idsOnly: boolean
  /** The `Accept` header. */
  accept: string | undefined
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
    return { status: 409, location: null, ...writeError(errorBody('FORMULA_EXISTS', details), style.accept) } as const
  }
  const { single, entries } = answer
  const only = single && entries[0]?.outcome === 'added' ? entries[0] : undefined
  return {
    status: 200,
    location: only === undefined ? null : `/formulas/${only.id}`,
    type: JSON_TYPE,
    text: `{"message":"${ADDED}","formulas":[${entries.map((entry) => writeEntry(entry, style)).join()}]}`,
  } as const
}

/** Answers a check with the entries that a submission with `onDuplicate=skip` would get. */
export function sendChecked(reply: FastifyReply, entries: AnswerEntry[]): FastifyReply {
  const style = { idsOnly: false, withOutcomes: true, showDuplicates: mayRead(reply.request) }
  const shown = entries.map((entry) =>
    writeEntry(entry.outcome === 'added' ? { ...entry, outcome: 'new' } : entry, style),
  )
  return sendJson(reply, `{"formulas":[${shown.join()}]}`)
}

type Entry = Omit<AnswerEntry, 'outcome'> & { outcome: AnswerEntry['outcome'] | 'new' }

function writeEntry({ id, outcome, document }: Entry, style: Omit<AnswerStyle, 'accept'>): string {
  const { idsOnly, withOutcomes, showDuplicates } = style
  const isHidden = idsOnly || document === null || (outcome === 'duplicate' && !showDuplicates)
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
