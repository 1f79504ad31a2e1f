import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { ServiceError } from '../../src/errors/service-error.ts'
import { answers } from '../schemas.ts'

const config = { public: true, anyHost: true }

const routes: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get(
    '/live',
    { schema: live, config: { ...config, whileClosing: true } },
    async () => ({ status: 'ok' }) as const,
  )

  fastify.get('/ready', { schema: ready, config }, async () => {
    const details = await fastify.readiness()
    if (details.length > 0) throw new ServiceError('STORE_UNAVAILABLE', { details })
    return { status: 'ok', db: 'ok', queue: 'ok' } as const
  })
}

export default routes

const tags = ['Health']

const ok = Type.Literal('ok')

export const live = {
  operationId: 'getLiveness',
  tags,
  summary: 'Liveness',
  description: '200 while the process runs.',
  response: answers('Live', 'The process runs', { status: ok }),
  errors: [],
  answerExamples: { Live: { status: 'ok' } },
} as const

export const ready = {
  operationId: 'getReadiness',
  tags,
  summary: 'Readiness',
  description: '200 if both database and queue answer; else 503, with those that do not in `details`.',
  response: answers('Ready', 'Database and queue answer', { status: ok, db: ok, queue: ok }),
  errors: ['STORE_UNAVAILABLE'],
  answerExamples: { Ready: { status: 'ok', db: 'ok', queue: 'ok' } },
} as const
