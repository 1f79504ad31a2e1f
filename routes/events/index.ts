import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import type { Config } from '../../src/config/config.ts'
import { RECEIPT_STALE } from '../../src/errors/catalogue.ts'
import { ServiceError } from '../../src/errors/service-error.ts'
import { isoTime } from '../../src/kit/clock.ts'
import { type ReceivedEvent, toMessage } from '../../src/outbox/message.ts'
import { DEFAULT_SUBSCRIPTION, type LeasedEvent, type Settled } from '../../src/stores/ports.ts'
import { ackEvents, eventStats, extendEvents, nackEvents, receiveEvents, releaseEvents } from './schemas.ts'

const rejected = ({ stale }: Settled) => stale.map((receipt) => ({ receipt, code: RECEIPT_STALE }) as const)

const toReceived = (event: LeasedEvent): ReceivedEvent => {
  const { receipt, receiveCount, leasedUntil } = event
  return { ...toMessage(event), receipt, receiveCount, leasedUntil: isoTime(leasedUntil) }
}

/** @throws {ServiceError} VALIDATION_FAILED for a lease beyond EVENT_MAX_LEASE_SECONDS */
function leaseMs(seconds: number, { eventMaxLeaseSeconds: max }: Config): number {
  if (seconds <= max) return seconds * 1000
  const message = `Expected integer to be less or equal to ${max}`
  throw new ServiceError('VALIDATION_FAILED', {
    details: [{ path: '/leaseSeconds', code: 'VALIDATION_FAILED', message }],
  })
}

const config = { scope: 'consume' } as const

const routes: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post(
    '/receive',
    { schema: receiveEvents, config: { ...config, longPoll: true } },
    async ({ body, caller, ip }, reply) => {
      const { max = 1, waitSeconds = 0, leaseSeconds = fastify.config.eventLeaseSeconds } = body
      const lease = leaseMs(leaseSeconds, fastify.config)
      if (fastify.forwarder.health.state !== 'off') throw new ServiceError('EVENTS_FORWARDED')
      const signal = waitSeconds > 0 ? disconnectSignal(reply) : undefined
      const request = { caller: caller || ip, max, leaseMs: lease, waitMs: waitSeconds * 1000 }
      const events = await fastify.longPoll.receive(request, signal)
      return { events: events.map(toReceived) }
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
    return { released: await fastify.queue.endLeases(DEFAULT_SUBSCRIPTION, body.ids) }
  })

  fastify.get('/stats', { schema: eventStats, config: { scope: ['read', 'consume'] } }, () =>
    fastify.queue.stats(DEFAULT_SUBSCRIPTION),
  )
}

export default routes

/**
 * Aborted when the client disconnects before it is answered, or ends its half of the connection, which looks the same.
 * (Fastify's `request.signal` is of no use here: it is aborted as soon as the body has been read.)
 */
function disconnectSignal(reply: FastifyReply): AbortSignal {
  const disconnected = new AbortController()
  const abort = (): void => disconnected.abort()
  const { socket } = reply.request.raw
  if (socket.readableEnded) abort()
  socket.once('end', abort)
  reply.raw.once('close', () => {
    socket.off('end', abort)
    abort()
  })
  return disconnected.signal
}
