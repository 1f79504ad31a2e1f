import fastifyStatic from '@fastify/static'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifySchema } from 'fastify'
import { ServiceError } from '../../src/errors/service-error.ts'
import { type ConsoleFile, consoleFiles } from './files.ts'

/** The page is at `/`. */
export const prefixOverride = ''

const files = consoleFiles()

/** Public: the page contains no data, and asks for a key itself if one is needed. */
const config = { public: true }
const schema: FastifySchema & { hide: boolean } = { hide: true }

const routes: FastifyPluginAsyncTypebox = async (fastify) => {
  await fastify.register(fastifyStatic, { serve: false, cacheControl: false })
  const page = files.get('index.html') as ConsoleFile

  // Revalidated on each load by ETag, so that files of different versions never mix.
  const send = (reply: FastifyReply, { root, path }: ConsoleFile): FastifyReply =>
    reply.header('Cache-Control', 'no-cache').sendFile(path, root)

  fastify.get('/', { schema, config }, (_request, reply) => send(reply.headers(fastify.pageHeaders), page))

  fastify.get<{ Params: { '*': string } }>('/console/*', { schema, config }, ({ params }, reply) => {
    const file = params['*'] === 'index.html' ? undefined : files.get(params['*'])
    if (file === undefined) throw new ServiceError('ROUTE_NOT_FOUND')
    return send(reply, file)
  })
}

export default routes
