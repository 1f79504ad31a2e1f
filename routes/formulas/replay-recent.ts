import type { preValidationHookHandler } from 'fastify'
import type { Sent } from '../../src/submission/recent-answers.ts'
import { countAnswered } from './count-outcome.ts'
import { sendOutcome } from './send-outcome.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The request as it was sent, on routes that answer repeats; null where it has no body. */
    sent: Sent | null
  }
}

/** Answers a repeat of a request that was answered not long ago, before its body is read. */
export const replayRecent: preValidationHookHandler = function (request, reply, done) {
  const { body, url, caller, idempotencyKey: key } = request
  if (!(body instanceof Buffer)) return done()
  request.sent = { caller, key, url, body }
  const answer = this.recentAnswers.find(request.sent)
  if (answer === null) return done()
  const outcome = { kind: 'answered', answer, replayed: true } as const
  countAnswered(this.metrics, outcome)
  sendOutcome(reply, outcome)
}
