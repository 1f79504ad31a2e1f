import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { errorAnswers } from '../schemas.ts'

const routes: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.get('', { schema: readMetrics, config: { scope: 'admin' } }, async (_request, reply) => {
    reply.type(fastify.metrics.mediaType)
    return fastify.metrics.text()
  })
}

export default routes

const Exposition = Type.String({
  $id: 'Metrics',
  description: 'Metrics in the Prometheus text format; docs/metrics.md lists them',
})

const EXAMPLE = '# TYPE intake_submissions_total counter\nintake_submissions_total{outcome="added"} 17\n'

const readMetrics = {
  operationId: 'getMetrics',
  tags: ['Metrics'],
  summary: 'Read metrics',
  description: 'All metrics of the service, for Prometheus.',
  response: {
    200: { description: Exposition.description, content: { 'text/plain': { schema: Exposition } } },
    ...errorAnswers,
  },
  errors: [],
  answerExamples: { 'One metric': EXAMPLE },
} as const
