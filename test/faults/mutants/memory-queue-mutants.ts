import type { Mutant } from './mutant.ts'

const QUEUE = 'src/stores/memory/event-queue.ts'
const SUITE = 'test/stores/memory.test.ts'

/** Bugs in the queue that is kept in memory. */
export const memoryQueueMutants: Mutant[] = [
  {
    name: 'memory: a release that is repeated publishes again',
    breaks: 'a formula has exactly one event',
    classic: 'double publish on ambiguous commit',
    edits: [[QUEUE, 'get(attemptId) !== undefined) return', "get(attemptId) === 'removed') return"]],
    caughtBy: [
      SUITE,
      'memory event queue: sagas',
      'releasing again shows nothing twice, even when the events are done',
    ],
  },
  {
    name: 'memory: a rollback removes held events by fingerprint',
    breaks: "a rollback goes by attempt and cannot remove another's events",
    classic: 'compensation by fingerprint',
    edits: [
      [
        QUEUE,
        "    this.#held.delete(attemptId)\n    this.#marks.add(attemptId, 'removed'",
        "    const ids = new Set(this.#held.get(attemptId)?.map(({ id }) => id))\n    for (const [other, events] of this.#held) if (events.some(({ id }) => ids.has(id))) this.#held.set(other, [])\n    this.#held.delete(attemptId)\n    this.#marks.add(attemptId, 'removed'",
      ],
    ],
    caughtBy: [SUITE, 'memory event queue: sagas', 'two attempts with the same events do not touch each other'],
  },
  {
    name: 'memory: held events are visible',
    breaks: 'nobody sees a held event',
    edits: [[QUEUE, 'this.#held.set(attemptId, events)', 'this.append(events)']],
    caughtBy: [SUITE, 'memory event queue: sagas', 'nobody sees a held event'],
  },
  {
    name: 'memory: a publish that arrives late passes the tombstone',
    breaks: 'a publish that arrives after its rollback is refused',
    edits: [
      [QUEUE, 'if (mark === undefined && !this.#held', 'if (!this.#held'],
      [QUEUE, "return mark !== 'removed'", 'return mark !== undefined || true'],
    ],
    caughtBy: [SUITE, 'memory event queue: tombstones', 'a publish that arrives after its removal is refused'],
  },
  {
    name: 'memory: a rollback leaves no tombstone',
    breaks: 'a publish that arrives after its rollback is refused',
    edits: [[QUEUE, "    this.#marks.add(attemptId, 'removed', this.#options.clock.now())\n", '']],
    caughtBy: [SUITE, 'memory event queue: tombstones', 'a publish that arrives after its removal is refused'],
  },
  {
    name: 'memory: leases are not fenced off from each other',
    breaks: 'a receipt of an earlier lease changes nothing',
    classic: 'lease without fencing',
    edits: [[QUEUE, 'const receipt =', 'const receipt = String(entry.position) ||']],
    caughtBy: [
      SUITE,
      'memory event queue: receipts',
      'the receipt of an earlier lease does not touch the lease that runs',
    ],
  },
  {
    name: 'memory: a receipt outlives its lease',
    breaks: 'an ack after the end of the lease is refused',
    classic: 'lease without fencing',
    edits: [[QUEUE, '    this.#moveDue()\n    return this.#settle(', '    return this.#settle(']],
    caughtBy: [
      SUITE,
      'memory event queue: receipts',
      'the end of a lease is noticed by an ack that comes too late itself',
    ],
  },
  {
    name: 'memory: an event is leased and stays ready',
    breaks: 'an event is leased to one consumer at a time',
    edits: [[QUEUE, 'this.#ready.take(position)', 'this.#ready.get(position)']],
    caughtBy: [SUITE, 'memory event queue: leases', 'an event is leased to one consumer at a time'],
  },
  {
    name: 'memory: an expired lease goes to the back',
    breaks: 'an expired event goes to the front',
    edits: [
      [
        QUEUE,
        "'expired', dueAt)\n      else this.#ready.set(entry.position, entry)",
        "'expired', dueAt)\n      else this.#ready.set(++this.#lastPosition, entry)",
      ],
    ],
    caughtBy: [SUITE, 'memory event queue: order', 'an expired lease returns to the front'],
  },
  {
    name: 'memory: no event ever dies',
    breaks: 'one poisoned event blocks nobody',
    edits: [
      [
        QUEUE,
        'entry.receiveCount >= this.#options.maxReceives',
        'entry.receiveCount > 1_000 * this.#options.maxReceives',
      ],
    ],
    caughtBy: [SUITE, 'memory event queue: leases', 'an event whose last lease expires is dead, and blocks nobody'],
  },
  {
    name: 'memory: a redriven event keeps its count',
    breaks: 'a redriven event starts over',
    edits: [
      [
        QUEUE,
        'map(({ id, name, createdAt, traceparent }) => ({ id, name, createdAt, ...traced(traceparent) }))',
        'map(({ id, name, createdAt, receiveCount }) => ({ id, name, createdAt, receiveCount }))',
      ],
      [QUEUE, '{ position, event, receiveCount: 0 }', '{ position, event, receiveCount: 0, ...event }'],
    ],
    caughtBy: [SUITE, 'memory event queue: redrive', 'a redriven event joins the back, its count starting over'],
  },
  {
    name: 'memory: a redriven event forgets its trace',
    breaks: 'an event tells the trace of its submission',
    edits: [[QUEUE, 'createdAt, ...traced(traceparent) })', 'createdAt })']],
    caughtBy: [
      SUITE,
      'memory event queue: traces',
      'a dead letter tells it, nacked or expired, and so does the event when it is redriven',
    ],
  },
]
