import { Type } from '@sinclair/typebox'
import type { FastifyPluginAsync } from 'fastify'
import { answers } from '../schemas.ts'

export const autoPrefix = '/openapi.json'

const routes: FastifyPluginAsync = async (fastify) => {
  let text: string | undefined

  fastify.get('', { schema: getDocument, config: { scope: 'admin' } }, async (_request, reply) => {
    text ??= JSON.stringify(fastify.swagger())
    return reply.header('Cache-Control', 'private, no-cache').type('application/json; charset=utf-8').send(text)
  })
}

export default routes

export const getDocument = {
  operationId: 'getDocument',
  tags: ['Document'],
  summary: 'This document',
  description: 'All routes of this version in OpenAPI 3.1; `/docs` shows it as a page.',
  response: answers('OpenApiDocument', 'An OpenAPI document', {
    openapi: Type.String({ examples: ['3.1.0'] }),
    info: Type.Object({}),
    paths: Type.Object({}),
  }),
  errors: [],
} as const
