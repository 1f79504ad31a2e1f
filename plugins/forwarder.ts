import fp from 'fastify-plugin'
import { ConfigError } from '../src/config/config.ts'
import { type Clock, type Random, systemClock } from '../src/kit/clock.ts'
import type { ForwarderHealth } from '../src/outbox/circuit-breaker.ts'
import { Forwarder } from '../src/outbox/forwarder.ts'
import { openSink, type Sink } from '../src/outbox/sink.ts'
import { type EventQueue, MAX_SUBSCRIPTIONS } from '../src/stores/ports.ts'

declare module 'fastify' {
  interface FastifyInstance {
    forwarder: {
      /** By the subscription of each sink. */
      health(): Map<string, ForwarderHealth>
      /** Whether a subscription belongs to a sink, so that nobody else may receive from it, or remove it. */
      forwards(subscription: string): boolean
    }
  }
}

/** Decorates the instance with the forwarders of events: one for each sink that is configured. */
export default fp<{ clock?: Clock; random?: Random }>(
  async (fastify, { clock = systemClock, random = Math.random }) => {
    const { sinks, eventSource: source, webhooks } = fastify.config
    const forwarders = new Map<string, Forwarder>()
    fastify.decorate('forwarder', {
      health: () => new Map([...forwarders].map(([subscription, { health }]) => [subscription, health])),
      forwards: (subscription: string) => forwarders.has(subscription),
    })
    const stop = () => Promise.all([...forwarders.values()].map((forwarder) => forwarder.stop()))
    fastify.addHook('onReady', async () => {
      for (const forwarder of forwarders.values()) forwarder.start()
    })
    fastify.addHook('preClose', async () => void stop())
    fastify.addHook('onClose', async () => void (await stop()))
    // Everything is checked before the first subscription is made: a start that is refused changes nothing.
    const opened: [subscription: string, sink: Sink][] = []
    for (const address of sinks) opened.push([address.subscription, await openSink(address, { ...webhooks, clock })])
    await checkRoom(
      fastify.queue,
      sinks.map(({ subscription }) => subscription),
    )
    for (const [subscription, sink] of opened) {
      if ((await fastify.queue.subscribe(subscription, 'end')) === 'full') throw tooMany(subscription)
      const log = fastify.log.child({ subscription })
      forwarders.set(subscription, new Forwarder(fastify.queue, sink, { subscription, source, clock, random, log }))
    }
  },
  { name: 'forwarder', dependencies: ['config', 'queue'] },
)

/** @throws {ConfigError} when not all of the subscriptions that are missing can be made */
async function checkRoom(queue: EventQueue, wanted: string[]): Promise<void> {
  if (wanted.length === 0) return
  const existing = new Set((await queue.subscriptions()).map(({ name }) => name))
  const missing = wanted.filter((name) => !existing.has(name))
  const [first] = missing.slice(MAX_SUBSCRIPTIONS - existing.size)
  if (first !== undefined) throw tooMany(first)
}

const tooMany = (subscription: string): ConfigError =>
  new ConfigError([`FORWARD_TO: there are too many subscriptions to make ${subscription}; delete one`])
