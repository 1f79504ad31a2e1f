import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Test } from 'tap'
import type { DeadEvent, EventQueue } from '../../../src/stores/ports.ts'
import type { TestClock } from '../../support/test-clock.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { manyEvents } from '../submissions.ts'
import { allEvents, ReferenceQueue } from './reference-queue.ts'

const MAX_RECEIVES = 2
const NAMES = ['default', 'a', 'b']
/** Few: each run opens a file. */
const FEW = { numRuns: 4, seed: 1 }

interface Bench {
  queue: EventQueue
  reference: ReferenceQueue
  clock: TestClock
  /** The number of released events. */
  released: number
}

/** One operation; numbers choose among the events and receipts that exist when it runs. */
interface Operation {
  kind: (typeof KINDS)[number]
  /** A subscription. */
  name: string
  /** A choice. */
  pick: number
  /** Another one. */
  other: number
}

const KINDS = [
  ...(['release', 'receive', 'receive', 'ack', 'nack', 'nack', 'putBack', 'extend', 'endLeases', 'pass'] as const),
  ...([
    'redrive',
    'removeDead',
    'subscribe',
    'unsubscribe',
    'seek',
    'pause',
    'trim',
    'erase',
    'events',
    'deliveries',
  ] as const),
]

const operations = fc.array(
  fc.record({
    kind: fc.constantFrom(...KINDS),
    name: fc.constantFrom(...NAMES),
    pick: fc.nat(999),
    other: fc.nat(999),
  }),
  { minLength: 1, maxLength: 150, size: 'max' },
)

/** Some of the last receipts, and an invalid one. */
function receiptsFor({ reference }: Bench, { pick, other }: Operation): string[] {
  const last = reference.receipts.slice(-6)
  const chosen = [pick, other].map((one) => last[one % (last.length + 1)] ?? 'x')
  return pick % 3 === 0 ? chosen : chosen.slice(0, 1)
}

const eventsFrom = (bench: Bench, count: number) => {
  const events = manyEvents(bench.released + count, bench.clock.now()).slice(bench.released)
  return events.map((event) => ({ ...event, seq: event.seq as number }))
}

/** A released formula, and one that was never released. */
const formulaAt = ({ released }: Bench, pick: number) =>
  manyEvents(released + 1)[pick % (released + 1)] as { id: string; seq: number }

const placeOf = ({ clock }: Bench, pick: number) =>
  (['start', 'end'] as const)[pick % 4] ?? clock.now() - (pick % 5) * 1000

/** The results of each operation on the engine and on the reference. */
const RUN: Record<Operation['kind'], (bench: Bench, operation: Operation) => Promise<[unknown, unknown]>> = {
  async release(bench, { pick }) {
    const events = eventsFrom(bench, (pick % 4) + 1)
    bench.released += events.length
    return [await bench.queue.release(`r-${bench.released}`, events), bench.reference.release(events)]
  },
  async receive({ queue, reference, clock }, { name, pick, other }) {
    const [max, leaseMs] = [(pick % 4) + 1, [1000, 5000][other % 2] as number]
    const { events } = await queue.receive(name, max, leaseMs)
    const receipts = events.map(({ receipt }) => receipt)
    return [events, reference.receive(name, max, clock.now() + leaseMs, receipts)]
  },
  async ack(bench, operation) {
    const receipts = receiptsFor(bench, operation)
    return [await bench.queue.ack(receipts), bench.reference.ack(receipts)]
  },
  async nack(bench, operation) {
    const receipts = receiptsFor(bench, operation)
    const delayMs = [0, 0, 3000][operation.other % 3] as number
    const detail = operation.pick % 2 === 0 ? `detail ${operation.pick}` : undefined
    const settled = bench.reference.nack(receipts, bench.clock.now(), delayMs, detail ?? null)
    return [await bench.queue.nack(receipts, delayMs, detail), settled]
  },
  async putBack(bench, operation) {
    const receipts = receiptsFor(bench, operation)
    return [await bench.queue.putBack(receipts), bench.reference.putBack(receipts)]
  },
  async extend(bench, operation) {
    const receipts = receiptsFor(bench, operation)
    const { leasedUntil: _, ...settled } = await bench.queue.extend(receipts, 4000)
    return [settled, bench.reference.extend(receipts, bench.clock.now() + 4000)]
  },
  async endLeases(bench, { name, pick, other }) {
    const ids = [pick, other].map((one) => formulaAt(bench, one).id)
    return [await bench.queue.endLeases(name, ids), bench.reference.endLeases(name, ids)]
  },
  async pass({ clock }, { pick }) {
    clock.advance([1, 999, 1000, 5000][pick % 4] as number)
    return [null, null]
  },
  async redrive({ queue, reference }, { name, pick }) {
    const dead = reference.dead(name)
    const ids = pick % 2 === 0 ? undefined : [dead[pick % (dead.length + 1)]?.id ?? 'x']
    return [await queue.redrive(name, ids), reference.redrive(name, ids)]
  },
  async removeDead({ queue, reference }, { name, pick }) {
    const dead = reference.dead(name)
    const id = dead[pick % (dead.length + 1)]?.id ?? 'x'
    return [await queue.removeDead(name, id), reference.removeDead(name, id)]
  },
  async subscribe(bench, { name, pick }) {
    const from = placeOf(bench, pick)
    return [await bench.queue.subscribe(name, from), bench.reference.subscribe(name, from, bench.clock.now())]
  },
  async unsubscribe({ queue, reference }, { name }) {
    return [await queue.unsubscribe(name), reference.unsubscribe(name)]
  },
  async seek(bench, { name, pick }) {
    const to = placeOf(bench, pick)
    return [await bench.queue.seek(name, to), bench.reference.seek(name, to)]
  },
  async pause({ queue, reference }, { name, pick }) {
    const reader = reference.readers.get(name)
    if (reader !== undefined) reader.paused = pick % 3 === 0
    return [await queue.pause(name, pick % 3 === 0), undefined]
  },
  async trim({ queue, reference, clock }, { pick }) {
    const [olderThan, limit] = [clock.now() - (pick % 3) * 1000, (pick % 7) + 1]
    return [await queue.trim(olderThan, limit), reference.trim(olderThan, limit)]
  },
  async erase(bench, { pick }) {
    const { id, seq } = formulaAt(bench, pick)
    return [await bench.queue.erase(id, seq), bench.reference.erase(id, seq)]
  },
  async events({ queue, reference }, { name, pick, other }) {
    const state = (['ready', 'ready', 'leased', 'delayed'] as const)[pick % 4] ?? 'ready'
    return [await allEvents(queue, name, state, (other % 3) + 1), reference.events(name, state)]
  },
  async deliveries(bench, { pick }) {
    const { id, seq } = formulaAt(bench, pick)
    const found = await bench.queue.deliveries(id, seq)
    return [found.map(({ subscription, state }) => [subscription, state]), bench.reference.deliveries(id, seq)]
  },
}

/** The port does not specify the detail of an event that expired after a nack: it is ignored. */
const comparable = (letters: DeadEvent[]): object[] =>
  letters.map((one) => (one.reason === 'expired' ? { ...one, detail: null } : one))

async function compare({ queue, reference, clock }: Bench): Promise<void> {
  const listed = (await queue.subscriptions()).map((one) => (one.name === 'default' ? { ...one, createdAt: 0 } : one))
  assert.deepEqual(listed, reference.subscriptions(clock.now()))
  for (const name of reference.readers.keys()) {
    assert.deepEqual(comparable((await queue.dead(name, 200)).items), comparable(reference.dead(name)), name)
  }
}

/** Operations that need no existing subscription; the others are skipped without one. */
const NEEDS_NONE: readonly string[] = ['subscribe', 'unsubscribe', 'release', 'pass', 'trim', 'erase', 'ack', 'nack']

async function runAll(bench: Bench, list: Operation[]): Promise<void> {
  for (const [step, operation] of list.entries()) {
    if (!bench.reference.readers.has(operation.name) && !NEEDS_NONE.includes(operation.kind)) continue
    const [given, expected] = await RUN[operation.kind](bench, operation)
    assert.deepEqual(given, expected, `${step}: ${JSON.stringify(operation)}`)
    bench.reference.moveDue(bench.clock.now())
    await compare(bench)
  }
}

/** Random operations: an engine behaves like the reference queue. */
export async function anyOperationPromises(t: Test, open: OpenStores, extent: fc.Parameters<unknown> = FEW) {
  t.test('after any operations every subscription is in the state of the reference', async (t) => {
    const property = fc.asyncProperty(operations, async (list) => {
      const { queue, clock } = await start(t, open, { maxReceives: MAX_RECEIVES })
      await runAll({ queue, clock, reference: new ReferenceQueue(MAX_RECEIVES), released: 0 }, list)
    })
    const result = await fc.check(property, extent)
    t.equal(fc.defaultReportMessage(result), undefined, `holds in ${result.numRuns} runs`)
  })
}
