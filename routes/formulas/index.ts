import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifySchemaCompiler } from 'fastify'
import { ServiceError } from '../../src/errors/service-error.ts'
import { isFingerprint } from '../../src/formula/fingerprint.ts'
import { readCursor, writeCursor } from '../cursor.ts'
import { type CheckedBody, checkSubmission } from './check-submission.ts'
import { countAnswered, countGuesses, countRefused } from './count-outcome.ts'
import { requireIdempotencyKey } from './idempotency-key.ts'
import { replayRecent } from './replay-recent.ts'
import { getFormula, listFormulas, submitFormulas } from './schemas.ts'
import { type SubmitQuery, sendOutcome } from './send-outcome.ts'

interface SubmitRequest {
  Body: CheckedBody
  Querystring: SubmitQuery
}

const routes: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.decorateRequest('idempotencyKey', '')
  fastify.decorateRequest('sent', null)
  const checkBySchema = fastify.validatorCompiler as FastifySchemaCompiler<unknown>

  fastify.withTypeProvider().post<SubmitRequest>(
    '',
    {
      schema: submitFormulas,
      bodyLimit: fastify.config.bodyLimitBytes,
      config: { scope: 'submit', unreadBody: true, sheds: true },
      onRequest: requireIdempotencyKey,
      preValidation: replayRecent,
      onError: countRefused,
      validatorCompiler: (part) => (part.httpPart === 'body' ? checkSubmission : checkBySchema(part)),
    },
    async (request, reply) => {
      const { body, query, caller, idempotencyKey, sent } = request
      const { formulas, single } = body
      const { onDuplicate = 'reject' } = query
      const submission = { caller, key: idempotencyKey, onDuplicate, single, formulas, requestId: request.id }
      const outcome = await fastify.orchestrator.submit(submission)
      // One that is replayed may expire any time.
      const isNew = outcome.kind === 'answered' && !outcome.replayed
      if (isNew && sent !== null) fastify.recentAnswers.remember(sent, outcome.answer)
      if (outcome.kind === 'answered') request.submissionId = outcome.submissionId
      countAnswered(fastify.metrics, outcome)
      countGuesses(request, reply, outcome, formulas.length)
      return sendOutcome(reply, outcome)
    },
  )

  fastify.get('', { schema: listFormulas, config: { scope: 'read' } }, async ({ query }) => {
    const { limit = 50, cursor, name } = query
    const page = await fastify.db.list({
      limit,
      ...readCursor('formulas', cursor),
      ...(name ? { namePrefix: name } : {}),
    })
    return { formulas: page.items, nextCursor: writeCursor('formulas', page.next) }
  })

  fastify.get('/:id', { schema: getFormula, config: { scope: 'read' } }, async ({ params }) => {
    const formula = isFingerprint(params.id) ? await fastify.db.get(params.id) : null
    if (formula === null) throw new ServiceError('FORMULA_NOT_FOUND')
    return formula
  })
}

export default routes
