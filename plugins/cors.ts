import cors from '@fastify/cors'
import fp from 'fastify-plugin'
import { headers } from '../src/openapi/headers.ts'

/** How long browsers may remember the answer to a preflight, in seconds. */
const MAX_AGE = 600

/** Lets pages of the sites in CORS_ORIGINS use the service, and answers their preflights, which have no key. */
export default fp(
  async (fastify) => {
    const { corsOrigins } = fastify.config
    if (corsOrigins.length === 0) return
    const isAny = corsOrigins.includes('*')
    // Without the plugin's route for OPTIONS, which would match any path: the hook alone answers preflights.
    const hooksOnly = Object.create(fastify, { options: { value: () => {} } })
    const allow = (origin: string) => (isAny ? '*' : corsOrigins.includes(origin) && origin)
    cors(
      hooksOnly,
      {
        origin: (origin, done) => done(null, origin !== undefined && allow(origin)),
        // Otherwise the answer to a preflight that is incomplete would not have the shape of our errors.
        strictPreflight: false,
        methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
        exposedHeaders: Object.keys(headers),
        maxAge: MAX_AGE,
      },
      () => {},
    )
  },
  { name: 'cors', dependencies: ['config', 'host', 'cross-site'] },
)
