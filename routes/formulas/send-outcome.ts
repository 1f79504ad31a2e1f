import type { FastifyReply } from 'fastify'
import { allows } from '../../src/access/scopes.ts'
import { detail, ServiceError } from '../../src/errors/service-error.ts'
import { withoutDuplicates } from '../../src/stores/answer.ts'
import type { StoredAnswer } from '../../src/stores/ports.ts'
import type { Outcome } from '../../src/submission/outcome.ts'

/** The query of a submission. */
export interface SubmitQuery {
  onDuplicate?: 'reject' | 'skip'
}

/** Answers a submission: the one place where an outcome becomes a status. */
export function sendOutcome(reply: FastifyReply, outcome: Outcome): FastifyReply {
  switch (outcome.kind) {
    case 'answered':
      if (outcome.answer.location !== null) reply.header('Location', outcome.answer.location)
      if (outcome.replayed) reply.header('Idempotent-Replayed', 'true')
      // The stored text goes out as it is: a replay is the same byte for byte to a caller of the same scopes.
      return reply
        .code(outcome.answer.status)
        .type('application/json; charset=utf-8')
        .send(bodyFor(reply, outcome.answer))
    case 'reused': {
      const details = [detail('Idempotency-Key', 'IDEMPOTENCY_KEY_REUSED')]
      return reply.send(new ServiceError('IDEMPOTENCY_KEY_REUSED', { details }))
    }
    case 'in-use': {
      const details = [detail('Idempotency-Key', 'IDEMPOTENCY_KEY_IN_USE')]
      return reply.send(new ServiceError('IDEMPOTENCY_KEY_IN_USE', { details, retryAfter: 1 }))
    }
    case 'failed':
      return reply.send(new ServiceError('SUBMISSION_FAILED'))
    case 'stopping':
      return reply.send(new ServiceError('SERVICE_STOPPING'))
  }
}

/**
 * What duplicates show goes by what the caller may read now, not when the answer was kept. Without `onDuplicate=skip`
 * there are none in a 200.
 */
function bodyFor({ request }: FastifyReply, { status, body }: StoredAnswer): string {
  const { apiKey, query } = request
  const mayHold = status === 200 && (query as SubmitQuery).onDuplicate === 'skip'
  const scopes = apiKey?.scopes
  return !mayHold || scopes === undefined || allows(scopes, 'read') ? body : withoutDuplicates(body)
}
