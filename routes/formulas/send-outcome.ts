import type { FastifyReply } from 'fastify'
import { detail, ServiceError } from '../../src/errors/service-error.ts'
import type { Outcome } from '../../src/submission/outcome.ts'

/** Answers a submission: the one place where an outcome becomes a status. */
export function sendOutcome(reply: FastifyReply, outcome: Outcome): FastifyReply {
  switch (outcome.kind) {
    case 'answered':
      if (outcome.answer.location !== null) reply.header('Location', outcome.answer.location)
      if (outcome.replayed) reply.header('Idempotent-Replayed', 'true')
      // The stored text goes out as it is: a replay is the same byte for byte.
      return reply.code(outcome.answer.status).type('application/json; charset=utf-8').send(outcome.answer.body)
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
