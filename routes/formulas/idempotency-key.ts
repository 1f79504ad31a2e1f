import type { onRequestHookHandler } from 'fastify'
import { detail, ServiceError } from '../../src/errors/service-error.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on routes that require the Idempotency-Key header. */
    idempotencyKey: string
  }
}

/** What `readIdempotencyKey` takes, bare or quoted, as one regular expression to be told to callers. */
export const IDEMPOTENCY_KEY = /^(?:[!#-~]|[!#-~][!-~]{0,253}[!#-~]|"(?! *")(?:[ !#-[\]-~]|\\["\\]){1,255}")$/

const BARE = /^[\x21-\x7e]{1,255}$/
/** What a quoted key holds: blanks too, but not alone. */
const WITHIN_QUOTES = /^(?! *$)[\x20-\x7e]{1,255}$/
/** A string of RFC 9651, as the IETF draft writes keys. */
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/

/**
 * Reads the value of an Idempotency-Key header. Bare and quoted forms of one key are the same key; a header that was
 * sent twice arrives joined by a comma and a blank, and so is malformed.
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

/** Refuses requests without a key before anything of their body is read. */
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
