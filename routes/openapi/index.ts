import type { FastifyPluginAsync } from 'fastify'
import { getDocument } from './schemas.ts'

export const autoPrefix = '/openapi.json'

const routes: FastifyPluginAsync = async (fastify) => {
  let text: string | undefined

  fastify.get('', { schema: getDocument, config: { scope: 'admin' } }, async (_request, reply) => {
    text ??= JSON.stringify(fastify.swagger())
    return reply.header('Cache-Control', 'private, no-cache').type('application/json; charset=utf-8').send(text)
  })
}

export default routes
