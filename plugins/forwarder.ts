import fp from 'fastify-plugin'
import { type Clock, type Random, systemClock } from '../src/kit/clock.ts'
import type { ForwarderHealth } from '../src/outbox/circuit-breaker.ts'
import { Forwarder } from '../src/outbox/forwarder.ts'

declare module 'fastify' {
  interface FastifyInstance {
    forwarder: Forwarding
  }
}

interface Forwarding {
  readonly health: ForwarderHealth
}

const OFF: Forwarding = { health: { state: 'off', reason: null, since: null } }

/** Decorates the instance with what forwards events to SQS, where that is configured, and tells how it goes. */
export default fp<{ clock?: Clock; random?: Random }>(
  async (fastify, { clock = systemClock, random = Math.random }) => {
    const { sqsQueueUrl } = fastify.config
    if (sqsQueueUrl === null) return void fastify.decorate('forwarder', OFF)
    // The SDK takes time and memory to load: whoever does not forward has no use for it.
    const { openSqsSender } = await import('../src/outbox/sqs-sink.ts')
    const sender = await openSqsSender(sqsQueueUrl)
    const forwarder = new Forwarder(fastify.queue, sender, { clock, random, log: fastify.log })
    fastify.decorate('forwarder', forwarder)
    fastify.addHook('onReady', async () => forwarder.start())
    fastify.addHook('preClose', async () => void forwarder.stop())
    fastify.addHook('onClose', () => forwarder.stop())
  },
  { name: 'forwarder', dependencies: ['config', 'queue'] },
)
