import type { Test } from 'tap'
import { DEFAULT, LEASE_MS, lease, namesOf, receiptsOf, show } from '../leasing.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { idOf } from '../submissions.ts'

/** When an event is put back, it is as if it had never been leased. */
export async function putBackPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('events that are put back return to the front at once, in their first order', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'abcd')
    const [a = '', b = '', c = ''] = receiptsOf(await lease(queue, 3))
    t.same(await queue.putBack([c, a]), { accepted: 2, stale: [] })
    t.match(await queue.stats(DEFAULT), { ready: 3, leased: 1, delayed: 0, dead: 0 })
    t.equal(namesOf(await lease(queue)), 'acd')
    t.same(await queue.ack([b]), { accepted: 1, stale: [] }, 'the lease of another goes on')
  })

  t.test('a lease that is put back does not count as a receive', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'a')
    await queue.nack(receiptsOf(await lease(queue)), 0)
    for (let round = 0; round < 3; round++) {
      const leased = await lease(queue)
      t.match(leased, [{ id: idOf('a'), receiveCount: 2 }])
      t.same(await queue.putBack(receiptsOf(leased)), { accepted: 1, stale: [] })
    }
  })

  t.test('putting an event back never makes it a dead letter, even on its last lease', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 1 })
    await show(queue, 'a')
    for (let round = 0; round < 3; round++) await queue.putBack(receiptsOf(await lease(queue)))
    t.match(await queue.stats(DEFAULT), { ready: 1, leased: 0, dead: 0 })
    t.match(await lease(queue), [{ id: idOf('a'), receiveCount: 1 }])
    clock.advance(LEASE_MS)
    t.match((await queue.dead(DEFAULT, 10)).items, [{ id: idOf('a'), receiveCount: 1, reason: 'expired' }])
  })

  t.test('a receipt puts its event back once, and is stale afterwards', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'a')
    const [receipt = ''] = receiptsOf(await lease(queue))
    t.same(await queue.putBack([receipt, receipt, 'x']), { accepted: 1, stale: ['x'] })
    t.same(await queue.ack([receipt]), { accepted: 0, stale: [receipt] })
    t.match(await lease(queue), [{ id: idOf('a'), receiveCount: 1 }])
    t.same(await queue.putBack([receipt]), { accepted: 0, stale: [receipt] }, 'nor does it touch a later lease')
  })

  t.test('an expired lease cannot be put back, and counts as a receive', async (t) => {
    const { queue, clock } = await start(t, open)
    await show(queue, 'a')
    const receipts = receiptsOf(await lease(queue))
    clock.advance(LEASE_MS)
    t.same(await queue.putBack(receipts), { accepted: 0, stale: receipts })
    t.match(await lease(queue), [{ id: idOf('a'), receiveCount: 2 }])
  })

  t.test('a redriven event that is put back still starts over', async (t) => {
    const { queue } = await start(t, open, { maxReceives: 1 })
    await show(queue, 'a')
    await queue.nack(receiptsOf(await lease(queue)), 0)
    await queue.redrive(DEFAULT, [idOf('a')])
    await queue.putBack(receiptsOf(await lease(queue)))
    t.match(await lease(queue), [{ id: idOf('a'), receiveCount: 1 }])
  })

  t.test('listeners are called once per operation that puts events back', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'ab')
    const receipts = receiptsOf(await lease(queue))
    let told = 0
    t.teardown(queue.onReady(() => told++))
    await queue.putBack(receipts)
    t.equal(told, 1)
  })
}
