import fp from 'fastify-plugin'
import { errorAt } from '../src/errors/service-error.ts'

/** Refuses bodies with an unknown transfer coding. */
export default fp(
  async (fastify) => {
    fastify.addHook('onRequest', ({ headers }, _reply, done) => {
      const coding = headers['transfer-encoding']
      const isKnown = coding === undefined || coding.toLowerCase() === 'chunked'
      done(isKnown ? undefined : errorAt('Transfer-Encoding', 'BAD_REQUEST'))
    })
  },
  { name: 'transfer-coding', dependencies: ['authorization'] },
)
