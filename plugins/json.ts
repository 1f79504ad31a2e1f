import fp from 'fastify-plugin'
import { errorAt, type ServiceError } from '../src/errors/service-error.ts'
import { readBody } from '../src/formula/json.ts'
import { codingOf } from '../src/http/content-coding.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route gets its body unparsed, as a buffer. */
    rawBody?: boolean
  }
}

/** Labels of UTF-8 in the Encoding Standard. */
const UTF8 = 'utf-?8|unicode-1-1-utf-8|unicode11utf8|(?:x-)?unicode20utf8'
/** Fastify normalises the media type to `type/subtype; name="value"` before it looks for a parser. */
const JSON_IN_UTF8 = new RegExp(`^application/json(?=;|$)(?!.*; charset="(?!(?:${UTF8})"))`, 'i')

/** Parses bodies as JSON in UTF-8 without rounding numbers, and refuses any other media type. */
export default fp(
  async (fastify) => {
    fastify.removeAllContentTypeParsers()
    fastify.addContentTypeParser(JSON_IN_UTF8, { parseAs: 'buffer' }, (request, body: Buffer, done) => {
      if (codingOf(request) === 'unknown') return done(errorAt('Content-Encoding', 'UNSUPPORTED_MEDIA_TYPE'))
      if (body.length === 0) return done(null, undefined)
      if (request.routeOptions.config.rawBody) return done(null, body)
      try {
        done(null, readBody(body))
      } catch (error) {
        done(error as ServiceError)
      }
    })
    fastify.addHook('onError', (request, reply, { code }, done) => {
      if (code === 'UNSUPPORTED_MEDIA_TYPE' && codingOf(request) === 'unknown') reply.header('Accept-Encoding', 'gzip')
      done()
    })
  },
  { name: 'json' },
)
