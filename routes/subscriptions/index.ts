import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { allows } from '../../src/access/api-key.ts'
import { ServiceError } from '../../src/errors/service-error.ts'
import { UnknownSubscription } from '../../src/errors/store-errors.ts'
import { isoTime, readTime } from '../../src/kit/clock.ts'
import { DEFAULT_SUBSCRIPTION, type LogPlace, type Subscription } from '../../src/stores/ports.ts'
import {
  createSubscription,
  deleteSubscription,
  listSubscriptions,
  pauseSubscription,
  resumeSubscription,
  seekSubscription,
} from './schemas.ts'

const toShown = ({ name, createdAt, paused, ready, leased, delayed, dead, oldestReadyAgeSeconds }: Subscription) => {
  return { name, createdAt: isoTime(createdAt), paused, ready, leased, delayed, dead, oldestReadyAgeSeconds }
}

/** @param text `start`, `end` or a valid time */
const toPlace = (text: string): LogPlace => (text === 'start' || text === 'end' ? text : (readTime(text) as number))

const config = { scope: 'admin' } as const

const routes: FastifyPluginAsyncTypebox = async (fastify) => {
  const { queue, forwarder } = fastify

  const shown = async (name: string) => {
    const found = (await queue.subscriptions()).find((each) => each.name === name)
    if (found === undefined) throw new UnknownSubscription(name)
    return toShown(found)
  }

  fastify.get('', { schema: listSubscriptions, config: { scope: ['read', 'consume'] } }, async ({ apiKey }) => {
    const all = await queue.subscriptions()
    const visible = all.filter(({ name }) => apiKey === null || allows(apiKey.scopes, ['read', `consume:${name}`]))
    return { subscriptions: visible.map(toShown) }
  })

  fastify.put('/:name', { schema: createSubscription, config }, async (request, reply) => {
    const { name } = request.params
    const { from = 'end' } = request.body
    request.audit = { from }
    const outcome = await queue.subscribe(name, toPlace(from))
    if (outcome === 'full') throw new ServiceError('SUBSCRIPTION_REFUSED')
    return reply.code(outcome === 'made' ? 201 : 200).send(await shown(name))
  })

  fastify.post('/:name/seek', { schema: seekSubscription, config }, async (request) => {
    const { name } = request.params
    const { to } = request.body
    request.audit = { to }
    await queue.seek(name, toPlace(to))
    return shown(name)
  })

  fastify.post('/:name/pause', { schema: pauseSubscription, config }, async ({ params }) => {
    await queue.pause(params.name, true)
    return shown(params.name)
  })

  fastify.post('/:name/resume', { schema: resumeSubscription, config }, async ({ params }) => {
    await queue.pause(params.name, false)
    return shown(params.name)
  })

  fastify.delete('/:name', { schema: deleteSubscription, config }, async ({ params: { name } }, reply) => {
    if (name === DEFAULT_SUBSCRIPTION || forwarder.forwards(name)) throw new ServiceError('SUBSCRIPTION_REFUSED')
    if (!(await queue.unsubscribe(name))) throw new UnknownSubscription(name)
    return reply.code(204).send()
  })
}

export default routes
