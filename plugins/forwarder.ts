import fp from 'fastify-plugin'
import { type Clock, type Random, systemClock } from '../src/kit/clock.ts'
import type { ForwarderHealth } from '../src/outbox/circuit-breaker.ts'
import { Forwarder } from '../src/outbox/forwarder.ts'
import { openSink } from '../src/outbox/sink.ts'

declare module 'fastify' {
  interface FastifyInstance {
    forwarder: Pick<Forwarder, 'health' | 'forwards'>
  }
}

const OFF: ForwarderHealth = { state: 'off', reason: null, since: null }

/** Decorates the instance with the forwarder of events to a sink, if one is configured, and its health. */
export default fp<{ clock?: Clock; random?: Random }>(
  async (fastify, { clock = systemClock, random = Math.random }) => {
    const { sqsQueueUrl, eventSource: source } = fastify.config
    if (sqsQueueUrl === null) return void fastify.decorate('forwarder', { health: OFF, forwards: () => false })
    const options = { source, clock, random, log: fastify.log }
    const forwarder = new Forwarder(fastify.queue, await openSink(sqsQueueUrl), options)
    fastify.decorate('forwarder', forwarder)
    fastify.addHook('onReady', async () => forwarder.start())
    fastify.addHook('preClose', async () => void forwarder.stop())
    fastify.addHook('onClose', () => forwarder.stop())
  },
  { name: 'forwarder', dependencies: ['config', 'queue'] },
)
