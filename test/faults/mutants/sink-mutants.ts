import type { Mutant } from './mutant.ts'

const FORWARDER = 'src/outbox/forwarder.ts'
const WEBHOOK = 'src/outbox/webhook-sink.ts'
const PLUGIN = 'plugins/forwarder.ts'
const CONTRACT = 'test/forwarding/sink-contract.test.ts'
const WEBHOOKS = 'test/forwarding/webhook-sink.test.ts'
const FAILURES = 'test/forwarding/failures.test.ts'
const FORWARDED = 'test/faults/calls/forwarded-events.test.ts'
const SINKS = 'test/http/sinks.test.ts'

/** Bugs in what pushes events to other systems. */
export const sinkMutants: Mutant[] = [
  {
    name: 'sink: events that failed are given back with a nack, which counts the receive',
    breaks: 'an outage of any length makes no dead letters',
    edits: [
      [
        FORWARDER,
        "this.#settle(those('failed', 'gone'), (receipts) => this.#queue.putBack(receipts)),",
        "this.#settle(those('failed', 'gone'), (receipts) => this.#queue.nack(receipts, 0)),",
      ],
    ],
    caughtBy: [CONTRACT, 'webhook: through an hour without it nothing is lost and nothing dies'],
  },
  {
    name: 'sink: what is refused is acknowledged',
    breaks: 'an event that a sink refuses is kept as a dead letter',
    edits: [
      [
        FORWARDER,
        'this.#settle(those, (receipts) => this.#queue.nack(receipts, REFUSED_MS, reason)),',
        'this.#settle(those, (receipts) => this.#queue.ack(receipts)),',
      ],
    ],
    caughtBy: [CONTRACT, 'webhook: what it refuses for good becomes a dead letter, and holds up nobody'],
  },
  {
    name: 'sink: a probe is always a single event',
    breaks: 'an event on which a receiver always fails does not hold up the others',
    edits: [[FORWARDER, 'isProbe ? Math.min(probeSize, batchSize)', 'isProbe ? 1']],
    caughtBy: [FAILURES, 'an event that the receiver always fails on does not hold up those behind it'],
  },
  {
    name: 'sink: a call without an answer counts as taken',
    breaks: 'a sink takes every event',
    edits: [[FORWARDER, "({ kind: 'failed', reason: reasonOf(error) })", "(error ? { kind: 'taken' } : error)"]],
    caughtBy: [FORWARDED, 'memory: whatever call of a forwarder goes wrong, its sink takes every event'],
  },
  {
    name: 'sink: the alarm for a queue that failed lasts until an event is sent',
    breaks: 'the health says how the forwarder is',
    edits: [[FORWARDER, '      if (this.#isQueueAtFault) this.#breaker.recordResult([], isProbe)\n', '']],
    caughtBy: [FAILURES, 'when the queue answers again the health says so, though there is nothing to send'],
  },
  {
    name: 'sink: 410 does not pause the subscription',
    breaks: 'a receiver that is gone gets nothing more until its subscription is resumed',
    edits: [[FORWARDER, "    if (results.some(({ kind }) => kind === 'gone')) await this.#pause()\n", '']],
    caughtBy: [
      FAILURES,
      'a receiver that is gone gets nothing more until its subscription is resumed, and no event dies',
    ],
  },
  {
    name: 'sink: the addresses that a name has are not checked',
    breaks: 'a webhook does not lead into the own network',
    edits: [[WEBHOOK, 'filter(({ address }) => isPublic(address))', 'filter(() => true)']],
    caughtBy: [
      WEBHOOKS,
      'loopback and private addresses are refused when the connection is made, however they are written',
    ],
  },
  {
    name: 'sink: any answer acknowledges the event',
    breaks: 'only 2xx takes an event',
    edits: [[WEBHOOK, 'if (statusCode >= 200 && statusCode < 300)', 'if (statusCode >= 200)']],
    caughtBy: [WEBHOOKS, '503 is the fault of the receiver'],
  },
  {
    name: 'sink: a missing subscription is made before all sinks are known to open',
    breaks: 'a start that is refused changes nothing',
    edits: [
      [
        PLUGIN,
        'for (const address of sinks) opened',
        "for (const address of sinks) await fastify.queue.subscribe(address.subscription, 'end')\n    for (const address of sinks) opened",
      ],
    ],
    caughtBy: [SINKS, 'a start that a sink refuses makes no subscription'],
  },
  {
    name: 'sink: the room for subscriptions is not checked before one is made',
    breaks: 'a start that is refused changes nothing',
    edits: [[PLUGIN, '  if (first !== undefined) throw tooMany(first)\n', '']],
    caughtBy: [
      SINKS,
      'sinks for which there is no place among the subscriptions stop the start with one line, and none is made',
    ],
  },
]
