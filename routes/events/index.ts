import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { subscriptionsOf } from '../../src/access/api-key.ts'
import type { Config } from '../../src/config/config.ts'
import { RECEIPT_STALE } from '../../src/errors/catalogue.ts'
import { ServiceError } from '../../src/errors/service-error.ts'
import { showFormula } from '../../src/formula/formula.ts'
import { isoTime, isoTimeOrNull } from '../../src/kit/clock.ts'
import { type ReceivedEvent, toMessage } from '../../src/outbox/message.ts'
import { cutPage } from '../../src/stores/page.ts'
import { DEFAULT_SUBSCRIPTION, type LeasedEvent, type QueuedEvent, type Settled } from '../../src/stores/ports.ts'
import { sendJson } from '../formulas/answer.ts'
import { linkNext, readPlace } from '../schemas.ts'
import { ackEvents, eventStats, extendEvents, listEvents, nackEvents, receiveEvents, releaseEvents } from './schemas.ts'

const rejected = ({ stale }: Settled) => stale.map((receipt) => ({ receipt, code: RECEIPT_STALE }) as const)

const toReceived = (event: LeasedEvent): ReceivedEvent => {
  const { receipt, receiveCount, leasedUntil } = event
  return { ...toMessage(event), receipt, receiveCount, leasedUntil: isoTime(leasedUntil) }
}

const toQueued = (event: QueuedEvent) => {
  const { receiveCount, dueAt } = event
  return { ...toMessage(event), receiveCount, dueAt: isoTimeOrNull(dueAt) }
}

/** @throws {ServiceError} VALIDATION_FAILED for a lease beyond EVENT_MAX_LEASE_SECONDS */
function leaseMs(seconds: number, { eventMaxLeaseSeconds: max }: Config): number {
  if (seconds <= max) return seconds * 1000
  const message = `Expected integer to be less or equal to ${max}`
  throw new ServiceError('VALIDATION_FAILED', {
    details: [{ path: '/leaseSeconds', code: 'VALIDATION_FAILED', message }],
  })
}

/** The subscriptions whose receipts the caller may use; undefined for all. */
const usable = ({ apiKey }: FastifyRequest) =>
  apiKey === null ? undefined : (subscriptionsOf(apiKey.scopes) ?? undefined)

const config = { scope: 'consume' } as const

const routes: FastifyPluginAsyncTypebox = async (fastify) => {
  fastify.post('/receive', { schema: receiveEvents, config: { ...config, longPoll: true } }, async (request, reply) => {
    const { body, caller, ip } = request
    const { subscription = DEFAULT_SUBSCRIPTION, include = [], max = 1, waitSeconds = 0 } = body
    const lease = leaseMs(body.leaseSeconds ?? fastify.config.eventLeaseSeconds, fastify.config)
    request.requireScope(`consume:${subscription}`)
    if (include.length > 0) request.requireScope('read')
    if (fastify.forwarder.forwards(subscription)) throw new ServiceError('EVENTS_FORWARDED')
    const signal = waitSeconds > 0 ? disconnectSignal(reply) : undefined
    const poll = { subscription, caller: caller || ip, max, leaseMs: lease, waitMs: waitSeconds * 1000 }
    const events = await fastify.longPoll.receive(poll, signal)
    if (include.length > 0 && events.length > 0) return sendJson(reply, await withFormulas(fastify, events))
    return { events: events.map(toReceived) }
  })

  fastify.post('/ack', { schema: ackEvents, config }, async (request) => {
    const settled = await fastify.queue.ack(request.body.receipts, usable(request))
    return { acked: settled.accepted, rejected: rejected(settled) }
  })

  fastify.post('/nack', { schema: nackEvents, config }, async (request) => {
    const { receipts, delaySeconds = 0, reason } = request.body
    const settled = await fastify.queue.nack(receipts, delaySeconds * 1000, reason, usable(request))
    return { nacked: settled.accepted, rejected: rejected(settled) }
  })

  fastify.post('/extend', { schema: extendEvents, config }, async (request) => {
    const lease = leaseMs(request.body.leaseSeconds, fastify.config)
    const settled = await fastify.queue.extend(request.body.receipts, lease, usable(request))
    return {
      extended: settled.accepted,
      leasedUntil: isoTimeOrNull(settled.leasedUntil),
      rejected: rejected(settled),
    }
  })

  fastify.post('/release', { schema: releaseEvents, config: { scope: 'admin' } }, async (request) => {
    const { ids, subscription = DEFAULT_SUBSCRIPTION } = request.body
    request.audit = { subscription }
    return { released: await fastify.queue.endLeases(subscription, ids) }
  })

  fastify.get('', { schema: listEvents, config: { scope: 'admin' } }, async ({ query }, reply) => {
    const { subscription = DEFAULT_SUBSCRIPTION, state = 'ready', limit = 50, cursor } = query
    const kind = `events:${subscription}:${state}` as const
    const page = await fastify.queue.events(subscription, state, limit, readPlace(kind, cursor, 4))
    return { events: page.items.map(toQueued), nextCursor: linkNext(reply, kind, page.next) }
  })

  fastify.get('/stats', { schema: eventStats, config: { scope: ['read', 'consume'] } }, async (request) => {
    const { subscription = DEFAULT_SUBSCRIPTION } = request.query
    request.requireScope('read', `consume:${subscription}`)
    return fastify.queue.stats(subscription)
  })
}

export default routes

/**
 * Writes events with their formulas. Those that would make the answer larger than a page are put back, and all of them
 * when the formulas cannot be read: neither counts as a receive.
 */
async function withFormulas({ formulaReads, queue }: FastifyInstance, events: LeasedEvent[]): Promise<string> {
  const putBack = async (from: number): Promise<void> => {
    if (from < events.length) await queue.putBack(events.slice(from).map(({ receipt }) => receipt))
  }
  try {
    const formulas = await formulaReads.getPage(events.map(({ id }) => id))
    const entries = formulas.map((formula, index) => {
      const event = events[index] as LeasedEvent
      // A formula that was erased may have been submitted again.
      const text = formula?.seq === event.seq ? showFormula(formula) : 'null'
      return `${JSON.stringify(toReceived(event)).slice(0, -1)},"formula":${text}}`
    })
    const { shown } = cutPage(entries, entries.length, (entry) => Buffer.byteLength(entry) + 1)
    await putBack(shown.length)
    return `{"events":[${shown.join()}]}`
  } catch (error) {
    await putBack(0)
    throw error
  }
}

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
