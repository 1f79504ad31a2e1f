import type { Test } from 'tap'
import type { EventQueue } from '../../../src/stores/ports.ts'
import { DEFAULT, LEASE_MS, lease, leaseIn, namesOf, receiptsOf, show } from '../leasing.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { events, idOf, NOON } from '../submissions.ts'

const SETTLE = {
  ack: (queue: EventQueue, receipts: string[], only?: string[]) => queue.ack(receipts, only),
  nack: (queue: EventQueue, receipts: string[], only?: string[]) => queue.nack(receipts, LEASE_MS, null, only),
  extend: (queue: EventQueue, receipts: string[], only?: string[]) => queue.extend(receipts, LEASE_MS, only),
  putBack: (queue: EventQueue, receipts: string[]) => queue.putBack(receipts),
}

/** What a receipt allows. */
export async function receiptPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('an acked event is gone for good', async (t) => {
    const { queue, clock } = await start(t, open)
    await show(queue, 'ab')
    t.same(await queue.ack(receiptsOf(await lease(queue))), { accepted: 2, stale: [] })
    clock.advance(LEASE_MS)
    t.same(await lease(queue), [])
    t.match(await queue.stats(DEFAULT), { ready: 0, leased: 0, dead: 0 })
  })

  t.test('a receipt works once', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'a')
    const receipts = receiptsOf(await lease(queue))
    t.same(await queue.ack(receipts), { accepted: 1, stale: [] })
    t.same(await queue.ack(receipts), { accepted: 0, stale: receipts })
  })

  for (const operation of ['ack', 'nack', 'extend', 'putBack'] as const) {
    t.test(`a receipt that stands twice in one ${operation} counts once, live or stale`, async (t) => {
      const { queue } = await start(t, open)
      await show(queue, 'ab')
      const [a = '', b = ''] = receiptsOf(await lease(queue))
      const { accepted, stale } = await SETTLE[operation](queue, [a, 'x', b, a, 'x', b, a])
      t.same({ accepted, stale }, { accepted: 2, stale: ['x'] })
    })
  }

  for (const operation of ['ack', 'nack', 'extend'] as const) {
    t.test(`for a caller of some subscriptions, ${operation} finds the receipts of all others stale`, async (t) => {
      const { queue } = await start(t, open)
      for (const name of ['erp', 'lab']) await queue.subscribe(name, 'start')
      await show(queue, 'a')
      const leased = await Promise.all(['erp', 'lab', DEFAULT].map((name) => leaseIn(queue, name)))
      const [erp = '', lab = '', other = ''] = leased.flatMap(receiptsOf)
      const settle = (...only: string[]) => SETTLE[operation](queue, [other, lab, erp], only)
      t.match(await settle(), { accepted: 0, stale: [other, lab, erp] })
      t.match(await settle('no such one'), { accepted: 0, stale: [other, lab, erp] })
      t.match(await settle('lab', 'erp'), { accepted: 2, stale: [other] })
      t.match(await queue.stats(DEFAULT), { leased: 1 })
      t.match(await queue.ack([other]), { accepted: 1, stale: [] })
    })
  }

  t.test('an unknown receipt is stale and does not affect the others', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'ab')
    const [a = '', b = ''] = receiptsOf(await lease(queue))
    t.same(await queue.ack([a, 'x', b, '', '1-\u{1f339}']), { accepted: 2, stale: ['x', '', '1-\u{1f339}'] })
    t.match(await queue.stats(DEFAULT), { ready: 0, leased: 0 })
  })

  t.test('after the end of a lease its receipt is refused', async (t) => {
    const { queue, clock } = await start(t, open)
    await show(queue, 'a')
    const receipts = receiptsOf(await lease(queue))
    clock.advance(LEASE_MS)
    t.same(await queue.extend(receipts, LEASE_MS), { accepted: 0, stale: receipts, leasedUntil: null })
    t.same(await queue.nack(receipts, 0), { accepted: 0, stale: receipts })
    t.same(await queue.ack(receipts), { accepted: 0, stale: receipts })
    t.match(await queue.stats(DEFAULT), { ready: 1, leased: 0 })
  })

  for (const operation of ['ack', 'nack', 'extend'] as const) {
    t.test(`the end of a lease is noticed by an ${operation} that comes too late itself`, async (t) => {
      const { queue, clock } = await start(t, open)
      await show(queue, 'a')
      const receipts = receiptsOf(await lease(queue))
      clock.advance(LEASE_MS)
      t.match(await SETTLE[operation](queue, receipts), { accepted: 0, stale: receipts })
      t.match(await lease(queue), [{ id: idOf('a'), receiveCount: 2 }])
    })
  }

  t.test('the receipt of an earlier lease does not affect the current lease', async (t) => {
    const { queue, clock } = await start(t, open)
    await show(queue, 'a')
    const old = receiptsOf(await lease(queue))
    await queue.nack(old, 0)
    const current = receiptsOf(await lease(queue))
    t.notSame(current, old)
    t.same(await queue.ack(old), { accepted: 0, stale: old })
    t.same(await queue.nack(old, 0), { accepted: 0, stale: old })
    t.same(await queue.extend(old, 10 * LEASE_MS), { accepted: 0, stale: old, leasedUntil: null })
    clock.advance(LEASE_MS - 1)
    t.same(await queue.ack(current), { accepted: 1, stale: [] })
  })

  t.test('an extended lease keeps its receipt, and its new end counts from now', async (t) => {
    const { queue, clock } = await start(t, open)
    await show(queue, 'a')
    const receipts = receiptsOf(await lease(queue))
    clock.advance(LEASE_MS - 1)
    const leasedUntil = clock.now() + 60_000
    t.same(await queue.extend([...receipts, 'x'], 60_000), { accepted: 1, stale: ['x'], leasedUntil })
    clock.advance(59_999)
    t.same(await lease(queue), [])
    t.same(await queue.ack(receipts), { accepted: 1, stale: [] })
  })

  t.test('an extension does not count as a receive, and may shorten a lease', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 2 })
    await show(queue, 'a')
    await queue.extend(receiptsOf(await lease(queue)), 10)
    clock.advance(10)
    t.match(await lease(queue), [{ receiveCount: 2 }])
  })
}

/** What happens to a nacked event. */
export async function nackPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a nacked event returns to the front at once', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'abc')
    const receipts = receiptsOf(await lease(queue, 1))
    t.same(await queue.nack([...receipts, ...receipts], 0), { accepted: 1, stale: [] })
    t.equal(namesOf(await lease(queue)), 'abc')
  })

  t.test('a nack with a delay returns to the front when the delay is over', async (t) => {
    const { queue, clock } = await start(t, open)
    await show(queue, 'abc')
    await queue.nack(receiptsOf(await lease(queue, 1)), 5000)
    t.match(await queue.stats(DEFAULT), { ready: 2, leased: 0, delayed: 1 })
    clock.advance(4999)
    t.equal(namesOf(await lease(queue, 1)), 'b')
    clock.advance(1)
    t.equal(namesOf(await lease(queue)), 'ac')
  })

  t.test('an event nacked on its last lease is dead at once, also with a delay', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 1 })
    await show(queue, 'ab')
    const [a = '', b = ''] = receiptsOf(await lease(queue))
    clock.advance(1000)
    t.same(await queue.nack([a], 0), { accepted: 1, stale: [] })
    t.same(await queue.nack([b], 5000), { accepted: 1, stale: [] })
    t.match(await queue.stats(DEFAULT), { ready: 0, leased: 0, delayed: 0, dead: 2 })
    const died = { receiveCount: 1, diedAt: NOON + 1000, reason: 'nacked', detail: null }
    t.same(
      (await queue.dead(DEFAULT, 10)).items,
      events('ba').map((event) => ({ ...event, ...died })),
    )
    clock.advance(5000)
    t.same(await lease(queue), [])
  })

  t.test('an earlier nack counts towards the last lease', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 2 })
    await show(queue, 'a')
    await queue.nack(receiptsOf(await lease(queue)), 1000)
    clock.advance(1000)
    await lease(queue)
    clock.advance(LEASE_MS)
    t.match((await queue.dead(DEFAULT, 10)).items, [{ id: idOf('a'), receiveCount: 2, reason: 'expired' }])
  })
}
