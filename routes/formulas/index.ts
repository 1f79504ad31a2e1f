import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type {
  FastifyReply,
  FastifyRequest,
  FastifySchemaCompiler,
  onRequestHookHandler,
  preValidationHookHandler,
} from 'fastify'
import { errorAt, ServiceError } from '../../src/errors/service-error.ts'
import { isFingerprint } from '../../src/formula/identity.ts'
import { type CheckedBody, checkSubmission } from '../../src/formula/validate.ts'
import type { RawRequest } from '../../src/submission/recent-answers.ts'
import { linkNext, readCursor } from '../schemas.ts'
import { countAnswered, countRefused, type SubmitQuery, sendFormula, sendJson, sendOutcome, submit } from './answer.ts'
import { derivations } from './derive.ts'
import { readFilters } from './filters.ts'
import { eraseFormula, getFormula, IDEMPOTENCY_KEY, listFormulas, submitFormulas } from './schemas.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on routes that require the Idempotency-Key header. */
    idempotencyKey: string
    /** The request before parsing, on routes that replay recent answers; null when it has no body. */
    rawRequest: RawRequest | null
  }
}

interface SubmitRequest {
  Body: CheckedBody
  Querystring: SubmitQuery
}

const routes: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.decorateRequest('idempotencyKey', '')
  fastify.decorateRequest('rawRequest', null)
  const checkBySchema = fastify.validatorCompiler as FastifySchemaCompiler<unknown>

  const intake = {
    bodyLimit: fastify.config.bodyLimitBytes,
    config: { scope: 'submit', rawBody: true, loadShedding: true },
    onRequest: requireIdempotencyKey,
    preValidation: replayRecent,
    onError: countRefused,
  } as const

  fastify.withTypeProvider().post<SubmitRequest>(
    '',
    {
      ...intake,
      schema: submitFormulas,
      validatorCompiler: (part) => (part.httpPart === 'body' ? checkSubmission : checkBySchema(part)),
    },
    (request, reply) => {
      const { body, query, caller, idempotencyKey } = request
      const { formulas, single } = body
      const { onDuplicate = 'reject' } = query
      const submission = { caller, key: idempotencyKey, onDuplicate, single, formulas, requestId: request.id }
      return submit(request, reply, submission)
    },
  )
  fastify.register(derivations, { intake })

  fastify.get('', { schema: listFormulas, config: { scope: 'read' } }, async ({ query }, reply) => {
    const { limit = 50, cursor, ...fields } = query
    const { wanted, kind } = readFilters(fields)
    const page = { limit, ...readCursor(kind, cursor), ...wanted }
    const { formulas, next } = await fastify.formulaReads.list(page)
    const end = `],"nextCursor":${JSON.stringify(linkNext(reply, kind, next))}}`
    const json = Buffer.concat([Buffer.from('{"formulas":['), formulas, Buffer.from(end)])
    return sendJson(reply as FastifyReply, json)
  })

  fastify.get('/:id', { schema: getFormula, config: { scope: 'read' } }, async ({ params }, reply) => {
    const formula = isFingerprint(params.id) ? await fastify.formulaReads.get(params.id) : null
    if (formula === null) throw new ServiceError('FORMULA_NOT_FOUND')
    return sendFormula(reply as FastifyReply, formula)
  })

  fastify.delete('/:id', { schema: eraseFormula, config: { scope: 'admin' } }, async (request, reply) => {
    await erase(request, request.params.id)
    return reply.code(204).send()
  })
}

export default routes

/** Refuses requests without a valid key before their body is read. */
export const requireIdempotencyKey: onRequestHookHandler = (request, _reply, done) => {
  const header = request.headers['idempotency-key']
  if (header === undefined) return done(errorAt('Idempotency-Key', 'IDEMPOTENCY_KEY_MISSING'))
  // Headers that were sent twice arrive joined by a comma and a blank, which makes them malformed.
  const text = String(header)
  if (!IDEMPOTENCY_KEY.test(text)) return done(errorAt('Idempotency-Key', 'IDEMPOTENCY_KEY_INVALID'))
  // The bare and the quoted form of a key are the same key.
  request.idempotencyKey = text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text
  done()
}

/** Answers a repeat of a recent request before its body is parsed. */
const replayRecent: preValidationHookHandler = function (request, reply, done) {
  const { body, url, caller, idempotencyKey: key } = request
  if (!(body instanceof Buffer)) return done()
  request.rawRequest = { caller, key, url, body, erasures: this.orchestrator.erasures.known }
  const found = this.recentAnswers.find(request.rawRequest)
  if (found === null) return done()
  found
    .then((answer) => {
      if (answer === null) return done()
      const outcome = { kind: 'answered', answer, replayed: true } as const
      countAnswered(this.metrics, outcome)
      sendOutcome(reply, outcome)
    })
    .catch(done)
}

async function erase(request: FastifyRequest, id: string): Promise<void> {
  const outcome = await request.server.orchestrator.erase(id)
  if (outcome === 'unknown') throw new ServiceError('FORMULA_NOT_FOUND')
  if (outcome === 'erased') return
  // It will be carried out all the same, so it is audited.
  request.audit = { owed: true }
  throw new ServiceError('STORE_UNAVAILABLE')
}
