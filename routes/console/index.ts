import { globSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifySchema } from 'fastify'
import { ServiceError } from '../../src/errors/service-error.ts'

/** The page is at `/`. */
export const prefixOverride = ''

const FOLDER = join(import.meta.dirname, '../../console')

/** Files from packages, by the names the page uses. Each is a single file without imports. */
const VENDOR = {
  'vendor/htm-preact.js': 'htm/preact/standalone',
  'vendor/uplot.js': 'uplot/dist/uPlot.iife.min.js',
}

/** Packages of one font each: a style sheet, and the files that it names. Browsers load those whose letters they show. */
const FONTS = ['inter', 'source-serif-4']

function fontFiles(font: string): [name: string, path: string][] {
  const folder = dirname(fileURLToPath(import.meta.resolve(`@fontsource-variable/${font}/wght.css`)))
  const files = globSync('{wght.css,files/*-wght-normal.woff2}', { cwd: folder })
  return files.map((file) => [`vendor/${font}/${file}`, join(folder, file)])
}

/** All files served under /console/: their paths by their names. No other file can be requested. */
const files: ReadonlyMap<string, string> = new Map([
  ...globSync('**/*.{html,css,js,svg}', { cwd: FOLDER }).map((name) => [name, join(FOLDER, name)] as const),
  ...FONTS.flatMap(fontFiles),
  ...Object.entries(VENDOR).map(([name, source]) => [name, fileURLToPath(import.meta.resolve(source))] as const),
])

/** Public: the page contains no data, and asks for a key itself if one is needed. */
const config = { public: true }
const schema: FastifySchema & { hide: boolean } = { hide: true }

const routes: FastifyPluginAsyncTypebox = async (fastify) => {
  await fastify.register(fastifyStatic, { serve: false, cacheControl: false })

  // Revalidated on each load by ETag, so that files of different versions never mix.
  const send = (reply: FastifyReply, path: string): FastifyReply =>
    reply.header('Cache-Control', 'no-cache').sendFile(basename(path), dirname(path))

  fastify.get('/', { schema, config }, (_request, reply) =>
    send(reply.headers(fastify.pageHeaders), join(FOLDER, 'index.html')),
  )

  fastify.get<{ Params: { '*': string } }>('/console/*', { schema, config }, ({ params }, reply) => {
    const path = params['*'] === 'index.html' ? undefined : files.get(params['*'])
    if (path === undefined) throw new ServiceError('ROUTE_NOT_FOUND')
    return send(reply, path)
  })
}

export default routes
