import type { Test } from 'tap'
import type { LeasedEvent } from '../../../src/stores/ports.ts'
import { DEFAULT, LEASE_MS, lease, namesOf, receiptsOf, show } from '../leasing.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { events, idOf, manyEvents, NOON } from '../submissions.ts'

/** The order in which events are delivered. */
export async function orderPromises(t: Test, open: OpenStores): Promise<void> {
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

  t.test('events that come back keep their original order, whichever came back first', async (t) => {
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
    const list = manyEvents(1000)
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

/** What a lease guarantees. */
export async function leasePromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a leased event comes with its formula, its receipt, its count and the end of its lease', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'a')
    const [leased] = await lease(queue)
    const { receipt, ...rest } = leased as LeasedEvent
    t.same(rest, { ...events('a')[0], receiveCount: 1, leasedUntil: NOON + 30_000 })
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
    t.same(await queue.receive(DEFAULT, 1, LEASE_MS), { events: [], nextDueAt: null })
    await show(queue, 'abc')
    await lease(queue, 1, 5000)
    t.equal((await queue.receive(DEFAULT, 1, 3000)).nextDueAt, clock.now() + 3000)
    const [c] = await lease(queue, 1, 9000)
    await queue.nack([c?.receipt ?? ''], 1000)
    t.same(await queue.receive(DEFAULT, 1, LEASE_MS), { events: [], nextDueAt: clock.now() + 1000 })
  })

  t.test('an event whose last lease expires is dead, and blocks nobody', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 2 })
    await show(queue, 'ab')
    for (const count of [1, 2]) {
      t.match(await lease(queue, 1), [{ id: idOf('a'), receiveCount: count }])
      clock.advance(LEASE_MS)
    }
    clock.advance(7000)
    t.equal(namesOf(await lease(queue)), 'b')
    const [a] = events('a')
    t.same((await queue.dead(DEFAULT, 10)).items, [
      { ...a, receiveCount: 2, diedAt: NOON + 60_000, reason: 'expired', detail: null },
    ])
  })

  for (const way of ['new', 'returned', 'redriven', 'extended', 'delayed'] as const) {
    t.test(`after the clock was set back, an event comes again when its lease or delay ends: ${way}`, async (t) => {
      const { queue, clock } = await start(t, open, { maxReceives: way === 'redriven' ? 1 : 5 })
      await show(queue, 'a')
      if (way !== 'new') await queue.nack(receiptsOf(await lease(queue)), 0)
      if (way === 'redriven') await queue.redrive(DEFAULT)
      if (way === 'new') await lease(queue, 1, 1)
      clock.advance(way === 'new' ? 1 : 0)
      t.equal((await queue.stats(DEFAULT)).ready, 1)
      clock.advance(-100 * LEASE_MS)
      const receipts = receiptsOf(await lease(queue, 1))
      if (way === 'extended') await queue.extend(receipts, LEASE_MS)
      if (way === 'delayed') await queue.nack(receipts, LEASE_MS)
      t.same(await lease(queue), [])
      clock.advance(LEASE_MS)
      if (way === 'redriven') t.match((await queue.dead(DEFAULT, 10)).items, [{ id: idOf('a') }])
      else t.equal(namesOf(await lease(queue)), 'a')
    })
  }
}
