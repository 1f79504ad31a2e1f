import fp from 'fastify-plugin'
import { detail, ServiceError } from '../src/errors/service-error.ts'
import { readBody } from '../src/formula/read-body.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route reads its body itself: it is given the bytes. */
    unreadBody?: boolean
  }
}

/** Fastify writes a media type as `type/subtype; name="value"` before it looks for a parser. */
const JSON_IN_UTF8 = /^application\/json(?=;|$)(?!.*; charset="(?!utf-8"))/i

/** Reads bodies as JSON in UTF-8 without losing a digit, and refuses any other media type. */
export default fp(
  async (fastify) => {
    fastify.removeAllContentTypeParsers()
    fastify.addContentTypeParser(JSON_IN_UTF8, { parseAs: 'buffer' }, (request, body: Buffer, done) => {
      if ((request.headers['content-encoding'] ?? 'identity') !== 'identity') {
        return done(
          new ServiceError('UNSUPPORTED_MEDIA_TYPE', {
            details: [detail('Content-Encoding', 'UNSUPPORTED_MEDIA_TYPE')],
          }),
        )
      }
      if (body.length === 0) return done(null, undefined)
      if (request.routeOptions.config.unreadBody) return done(null, body)
      try {
        done(null, readBody(body))
      } catch (error) {
        done(error as ServiceError)
      }
    })
  },
  { name: 'json' },
)
