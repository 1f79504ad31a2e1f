import t, { type Test } from 'tap'
import type { LeasedEvent, QueueStats } from '../../src/stores/ports.ts'
import { deadPromises, redrivePromises } from './event-queue-dead.ts'
import { endLeasesPromises } from './event-queue-end-leases.ts'
import { putBackPromises } from './event-queue-put-back.ts'
import { nackPromises, receiptPromises } from './event-queue-receipts.ts'
import { heldPromises, tombstonePromises } from './event-queue-saga.ts'
import { tracePromises } from './event-queue-traces.ts'
import { LEASE_MS, lease, namesOf, receiptsOf, show } from './leasing.ts'
import { type OpenStores, start } from './open-stores.ts'
import { events, idOf } from './submissions.ts'

/** What every event queue promises. */
export function eventQueueContract(name: string, open: OpenStores): void {
  t.test(`${name} event queue: order`, (t) => orderPromises(t, open))
  t.test(`${name} event queue: leases`, (t) => leasePromises(t, open))
  t.test(`${name} event queue: receipts`, (t) => receiptPromises(t, open))
  t.test(`${name} event queue: nacks`, (t) => nackPromises(t, open))
  t.test(`${name} event queue: events put back`, (t) => putBackPromises(t, open))
  t.test(`${name} event queue: leases that are ended`, (t) => endLeasesPromises(t, open))
  t.test(`${name} event queue: sagas`, (t) => heldPromises(t, open))
  t.test(`${name} event queue: tombstones`, (t) => tombstonePromises(t, open))
  t.test(`${name} event queue: dead letters`, (t) => deadPromises(t, open))
  t.test(`${name} event queue: redrive`, (t) => redrivePromises(t, open))
  t.test(`${name} event queue: traces`, (t) => tracePromises(t, open))
  t.test(`${name} event queue: figures and hints`, (t) => figurePromises(t, open))
}

async function orderPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('first in, first out, and never more than was asked for', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'ab')
    await show(queue, 'cd')
    t.equal(namesOf(await lease(queue, 3)), 'abc')
    t.equal(namesOf(await lease(queue, 3)), 'd')
    t.same(await lease(queue, 3), [])
  })

  t.test('an expired lease returns to the front', async (t) => {
    const { queue, clock } = await start(t, open)
    await show(queue, 'abc')
    t.equal(namesOf(await lease(queue, 1)), 'a')
    clock.advance(LEASE_MS)
    t.equal(namesOf(await lease(queue)), 'abc')
  })

  t.test('several that come back keep their first order, whichever came back first', async (t) => {
    const { queue, clock } = await start(t, open)
    await show(queue, 'abcd')
    const [a, b] = await lease(queue, 2)
    await lease(queue, 1, 10)
    await queue.nack([b?.receipt ?? ''], 0)
    await queue.nack([a?.receipt ?? ''], 0)
    clock.advance(10)
    t.equal(namesOf(await lease(queue)), 'abcd')
  })

  t.test('a thousand events keep their order over many leases', async (t) => {
    const { queue } = await start(t, open)
    const list = Array.from({ length: 1000 }, (_, n) => ({
      id: idOf(`${n}`),
      name: `${n}`,
      createdAt: '2026-01-31T12:00:00.000Z',
    }))
    await queue.release('many', list)
    const seen: string[] = []
    for (let batch = await lease(queue); batch.length > 0; batch = await lease(queue)) {
      seen.push(...batch.map(({ id }) => id))
      await queue.ack(receiptsOf(batch))
    }
    t.same(
      seen,
      list.map(({ id }) => id),
    )
  })
}

async function leasePromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a leased event comes with its formula, its receipt, its count and the end of its lease', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'a')
    const [leased] = await lease(queue)
    const { receipt, ...rest } = leased as LeasedEvent
    t.same(rest, { ...events('a')[0], receiveCount: 1, leasedUntil: '2026-01-31T12:00:30.000Z' })
    t.match(receipt, /^\S{16,}$/)
  })

  t.test('an event is leased to one consumer at a time', async (t) => {
    const { queue, clock } = await start(t, open)
    await show(queue, 'ab')
    const both = await Promise.all([lease(queue), lease(queue)])
    t.equal(namesOf(both.flat()), 'ab')
    clock.advance(LEASE_MS - 1)
    t.same(await lease(queue), [])
    clock.advance(1)
    t.same(
      (await lease(queue)).map(({ receiveCount }) => receiveCount),
      [2, 2],
    )
  })

  t.test('an empty receive tells when the next event may become ready', async (t) => {
    const { queue, clock } = await start(t, open)
    t.same(await queue.receive(1, LEASE_MS), { events: [], nextDueAt: null })
    await show(queue, 'abc')
    await lease(queue, 1, 5000)
    t.equal((await queue.receive(1, 3000)).nextDueAt, clock.now() + 3000)
    const [c] = await lease(queue, 1, 9000)
    await queue.nack([c?.receipt ?? ''], 1000)
    t.same(await queue.receive(1, LEASE_MS), { events: [], nextDueAt: clock.now() + 1000 })
  })

  t.test('an event whose last lease expires is dead, and blocks nobody', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 2 })
    await show(queue, 'ab')
    for (const count of [1, 2]) {
      t.match(await lease(queue, 1), [{ name: 'a', receiveCount: count }])
      clock.advance(LEASE_MS)
    }
    clock.advance(7000)
    t.equal(namesOf(await lease(queue)), 'b')
    const [a] = events('a')
    t.same((await queue.dead(10)).items, [
      { ...a, receiveCount: 2, diedAt: '2026-01-31T12:01:00.000Z', reason: 'expired' },
    ])
  })
}

async function figurePromises(t: Test, open: OpenStores): Promise<void> {
  t.test('an empty queue has no figures, and no age', async (t) => {
    const { queue } = await start(t, open)
    const none: QueueStats = { ready: 0, leased: 0, delayed: 0, dead: 0, oldestReadyAgeSeconds: null }
    t.same(await queue.stats(), none)
  })

  t.test('the figures count each event in one place', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 2 })
    await show(queue, 'a')
    for (const _ of [1, 2]) await queue.nack(receiptsOf(await lease(queue, 1)), 0)
    await show(queue, 'bcdefg')
    const [b = ''] = receiptsOf(await lease(queue, 3))
    await queue.nack([b], 60_000)
    clock.advance(1500)
    const expected: QueueStats = { ready: 3, leased: 2, delayed: 1, dead: 1, oldestReadyAgeSeconds: 1.5 }
    t.same(await queue.stats(), expected)
    clock.advance(60_000)
    t.match(await queue.stats(), { ready: 6, leased: 0, delayed: 0, dead: 1 })
  })

  t.test('the age is that of the event at the front, and never below zero', async (t) => {
    const { queue, clock } = await start(t, open)
    await queue.release('1', events('a', '2026-01-31T12:00:10.000Z'))
    await queue.release('2', events('b', '2026-01-31T11:00:00.000Z'))
    t.equal((await queue.stats()).oldestReadyAgeSeconds, 0)
    clock.advance(12_000)
    t.equal((await queue.stats()).oldestReadyAgeSeconds, 2)
    await lease(queue, 2)
    t.equal((await queue.stats()).oldestReadyAgeSeconds, null)
  })

  // A hint may also be given for nothing, so only its absence is a fault.
  t.test('listeners are told, once an operation, when events become ready, until they stop', async (t) => {
    const { queue } = await start(t, open, { maxReceives: 2 })
    let told = 0
    const stop = queue.onReady(() => told++)
    const tells = async (promise: string, times: number, operation: () => Promise<unknown>) => {
      told = 0
      await operation()
      t.equal(told, times, promise)
    }
    await tells('held events are not ready', 0, () => queue.publish('of-abc', events('abc')))
    await tells('release', 1, () => queue.release('of-abc', events('abc')))
    const receipts = receiptsOf(await lease(queue))
    await tells('nack', 1, () => queue.nack(receipts, 0))
    await queue.nack(receiptsOf(await lease(queue)), 0)
    await tells('redrive', 1, () => queue.redrive([idOf('a'), idOf('b')]))
    stop()
    await tells('after the listener has stopped', 0, () => queue.redrive())
    t.match(await queue.stats(), { ready: 3 })
  })

  t.test('it answers a probe, and always to the same identity', async (t) => {
    const { queue } = await start(t, open)
    await queue.probe()
    t.equal(await queue.identity(), await queue.identity())
    t.match(await queue.identity(), /./)
  })
}
