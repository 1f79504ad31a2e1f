import type { onRequestHookHandler, preValidationHookHandler } from 'fastify'
import { detail, ServiceError } from '../../src/errors/service-error.ts'
import type { RawRequest } from '../../src/submission/recent-answers.ts'
import { countAnswered, sendOutcome } from './outcome.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on routes that require the Idempotency-Key header. */
    idempotencyKey: string
    /** The request before parsing, on routes that replay recent answers; null when it has no body. */
    rawRequest: RawRequest | null
  }
}

/** The keys that `readIdempotencyKey` accepts, bare or quoted, as a pattern for the OpenAPI document. */
export const IDEMPOTENCY_KEY = /^(?:[!#-~]|[!#-~][!-~]{0,253}[!#-~]|"(?! *")(?:[ !#-[\]-~]|\\["\\]){1,255}")$/

const BARE = /^[\x21-\x7e]{1,255}$/
/** A key within quotes may contain blanks, but not only blanks. */
const WITHIN_QUOTES = /^(?! *$)[\x20-\x7e]{1,255}$/
/** A string as in RFC 9651, which the IETF draft prescribes for keys. */
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/

/**
 * Reads an Idempotency-Key header. The bare and the quoted form of a key are the same key. A header that was sent twice
 * arrives joined by a comma and a blank, which makes it malformed.
 * @throws {ServiceError} IDEMPOTENCY_KEY_MISSING, IDEMPOTENCY_KEY_INVALID
 */
function readIdempotencyKey(header: string | string[] | undefined): string {
  if (header === undefined) throw refusal('IDEMPOTENCY_KEY_MISSING')
  const text = String(header)
  const isQuoted = text.startsWith('"') || text.endsWith('"')
  const key = isQuoted ? QUOTED.exec(text)?.[1]?.replace(/\\(.)/g, '$1') : text
  if (key === undefined || !(isQuoted ? WITHIN_QUOTES : BARE).test(key)) throw refusal('IDEMPOTENCY_KEY_INVALID')
  return key
}

/** Refuses requests without a valid key before their body is read. */
export const requireIdempotencyKey: onRequestHookHandler = (request, _reply, done) => {
  try {
    request.idempotencyKey = readIdempotencyKey(request.headers['idempotency-key'])
    done()
  } catch (error) {
    done(error as ServiceError)
  }
}

function refusal(code: 'IDEMPOTENCY_KEY_MISSING' | 'IDEMPOTENCY_KEY_INVALID'): ServiceError {
  return new ServiceError(code, { details: [detail('Idempotency-Key', code)] })
}

/** Answers a repeat of a recent request before its body is parsed. */
export const replayRecent: preValidationHookHandler = function (request, reply, done) {
  const { body, url, caller, idempotencyKey: key } = request
  if (!(body instanceof Buffer)) return done()
  request.rawRequest = { caller, key, url, body }
  const answer = this.recentAnswers.find(request.rawRequest)
  if (answer === null) return done()
  const outcome = { kind: 'answered', answer, replayed: true } as const
  countAnswered(this.metrics, outcome)
  sendOutcome(reply, outcome)
}
