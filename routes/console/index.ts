import fastifyStatic from '@fastify/static'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifySchema } from 'fastify'
import { ServiceError } from '../../src/errors/service-error.ts'
import { type ConsoleFile, consoleFiles } from './files.ts'

/** The page stands at the root, beside the data it shows. */
export const prefixOverride = ''

const files = consoleFiles()

/** The page is the same for all: it holds no data, and asks for a key itself where one is due. */
const config = { public: true }
const schema: FastifySchema & { hide: boolean } = { hide: true }

const routes: FastifyPluginAsyncTypebox = async (fastify) => {
  await fastify.register(fastifyStatic, { serve: false, cacheControl: false })
  const page = files.get('index.html') as ConsoleFile

  // Asked for again each time, by its ETag: the files of a page belong together.
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
