import type { Test } from 'tap'
import { DEFAULT, LEASE_MS, lease, namesOf, receiptsOf, show } from '../leasing.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { idOf, manyEvents } from '../submissions.ts'

/** When an operator ends a lease, the event is as if it had never been leased. */
export async function endLeasesPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('events whose leases are ended are at the front at once, in their first order', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'abcd')
    const [, b = ''] = receiptsOf(await lease(queue, 3, 10 * LEASE_MS))
    t.equal(await queue.endLeases(DEFAULT, [idOf('c'), idOf('a')]), 2)
    t.match(await queue.stats(DEFAULT), { ready: 3, leased: 1, delayed: 0, dead: 0 })
    t.equal(namesOf(await lease(queue)), 'acd')
    t.same(await queue.ack([b]), { accepted: 1, stale: [] }, 'other leases go on')
  })

  t.test('an ended lease does not count as a receive, so it makes no dead letter', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 2 })
    await show(queue, 'a')
    await queue.nack(receiptsOf(await lease(queue)), 0)
    for (let round = 0; round < 3; round++) {
      t.match(await lease(queue), [{ id: idOf('a'), receiveCount: 2 }])
      t.equal(await queue.endLeases(DEFAULT, [idOf('a')]), 1)
    }
    t.match(await queue.stats(DEFAULT), { ready: 1, leased: 0, dead: 0 })
    await lease(queue)
    clock.advance(LEASE_MS)
    t.match((await queue.dead(DEFAULT, 10)).items, [{ id: idOf('a'), receiveCount: 2, reason: 'expired' }])
  })

  t.test('the receipts of leases that are ended are stale, also while the event is leased again', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'a')
    const old = receiptsOf(await lease(queue))
    await queue.endLeases(DEFAULT, [idOf('a')])
    for (const state of ['ready', 'leased again']) {
      t.same(await queue.ack(old), { accepted: 0, stale: old }, state)
      t.same(await queue.nack(old, 0), { accepted: 0, stale: old }, state)
      t.same(await queue.extend(old, LEASE_MS), { accepted: 0, stale: old, leasedUntil: null }, state)
      t.same(await queue.putBack(old), { accepted: 0, stale: old }, state)
      await lease(queue)
    }
    t.match(await queue.stats(DEFAULT), { leased: 1 })
  })

  t.test('endLeases ignores events that are ready, dead or acked, and invalid ids', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 1 })
    await show(queue, 'abcdef')
    const [dead, acked] = receiptsOf(await lease(queue, 2)) as [string, string]
    await queue.nack([dead], 0)
    await queue.ack([acked])
    await lease(queue, 1, 10)
    clock.advance(10)
    await lease(queue, 1)
    const id = idOf('d')
    const others = [...'abcefx'].map(idOf)
    t.equal(await queue.endLeases(DEFAULT, [...others, 'x', '', id.toUpperCase(), `${id}00`, id.slice(0, 32)]), 0)
    t.equal(await queue.endLeases(DEFAULT, []), 0)
    t.match(await queue.stats(DEFAULT), { ready: 2, leased: 1, dead: 2 })
    t.equal(await queue.endLeases(DEFAULT, [id, ...others, id]), 1, 'an id that stands there twice counts once')
  })

  t.test('endLeases ignores a delayed event', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'a')
    await queue.nack(receiptsOf(await lease(queue)), 1000)
    t.equal(await queue.endLeases(DEFAULT, [idOf('a')]), 0)
    t.match(await queue.stats(DEFAULT), { ready: 0, delayed: 1 })
  })

  t.test('a thousand leases are ended in one call', async (t) => {
    const { queue } = await start(t, open)
    await queue.release('many', manyEvents(1000))
    const ids = manyEvents(1000).map(({ id }) => id)
    await lease(queue, 1000)
    t.equal(await queue.endLeases(DEFAULT, ids), 1000)
    const again = await lease(queue, 1000)
    t.same(
      again.map(({ id }) => id),
      ids,
    )
    t.ok(again.every(({ receiveCount }) => receiveCount === 1))
  })

  t.test('listeners are called once per operation, and only if a lease was ended', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'ab')
    await lease(queue)
    let told = 0
    t.teardown(queue.onReady(() => told++))
    await queue.endLeases(DEFAULT, [idOf('x')])
    t.equal(told, 0)
    await queue.endLeases(DEFAULT, [idOf('a'), idOf('b')])
    t.equal(told, 1)
  })
}
