import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Config } from '../../src/config/config.ts'
import { RECEIPT_STALE } from '../../src/errors/catalogue.ts'
import { ServiceError } from '../../src/errors/service-error.ts'
import { isoTime } from '../../src/kit/clock.ts'
import type { Settled } from '../../src/stores/ports.ts'
import { clientGone } from './client-gone.ts'
import { emptyBodyIsObject } from './optional-body.ts'
import { ackEvents, eventStats, extendEvents, nackEvents, receiveEvents, releaseEvents } from './schemas.ts'

const rejected = ({ stale }: Settled) => stale.map((receipt) => ({ receipt, code: RECEIPT_STALE }) as const)

/** @throws {ServiceError} VALIDATION_FAILED when a lease would be longer than the operator allows */
function leaseMs(seconds: number, { eventMaxLeaseSeconds: most }: Config): number {
  if (seconds <= most) return seconds * 1000
  const message = `Expected integer to be less or equal to ${most}`
  throw new ServiceError('VALIDATION_FAILED', {
    details: [{ path: '/leaseSeconds', code: 'VALIDATION_FAILED', message }],
  })
}

const config = { scope: 'consume' } as const

const routes: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/receive',
    { schema: receiveEvents, config: { ...config, waits: true }, preValidation: emptyBodyIsObject },
    async ({ body, caller, ip }, reply) => {
      const { max = 1, waitSeconds = 0, leaseSeconds = fastify.config.eventLeaseSeconds } = body
      const wish = {
        caller: caller || ip,
        max,
        leaseMs: leaseMs(leaseSeconds, fastify.config),
        waitMs: waitSeconds * 1000,
      }
      if (fastify.forwarder.health.state !== 'off') throw new ServiceError('EVENTS_FORWARDED')
      const gone = waitSeconds > 0 ? clientGone(reply) : undefined
      return { events: await fastify.longPoll.receive(wish, gone) }
    },
  )

  fastify.post('/ack', { schema: ackEvents, config }, async ({ body }) => {
    const settled = await fastify.queue.ack(body.receipts)
    return { acked: settled.accepted, rejected: rejected(settled) }
  })

  fastify.post('/nack', { schema: nackEvents, config }, async ({ body }) => {
    const settled = await fastify.queue.nack(body.receipts, (body.delaySeconds ?? 0) * 1000)
    return { nacked: settled.accepted, rejected: rejected(settled) }
  })

  fastify.post('/extend', { schema: extendEvents, config }, async ({ body }) => {
    const settled = await fastify.queue.extend(body.receipts, leaseMs(body.leaseSeconds, fastify.config))
    const leasedUntil = settled.leasedUntil === null ? null : isoTime(settled.leasedUntil)
    return { extended: settled.accepted, leasedUntil, rejected: rejected(settled) }
  })

  fastify.post('/release', { schema: releaseEvents, config: { scope: 'admin' } }, async ({ body }) => {
    return { released: await fastify.queue.endLeases(body.ids) }
  })

  fastify.get('/stats', { schema: eventStats, config: { scope: ['read', 'consume'] } }, () => fastify.queue.stats())
}

export default routes
