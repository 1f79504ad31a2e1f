import type { Test } from 'tap'
import { DEFAULT, LEASE_MS, lease, leaseIn, namesOf, receiptsOf, show } from '../leasing.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { idOf } from '../submissions.ts'

/** What a pause stops, and what it does not. */
export async function pausePromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a paused subscription delivers nothing, and resumes where it was', async (t) => {
    const { queue, clock } = await start(t, open)
    await show(queue, 'abcd')
    await queue.nack(receiptsOf(await lease(queue, 1)), 0)
    await lease(queue, 2, 1000)
    await queue.pause(DEFAULT, true)
    await queue.pause(DEFAULT, true)
    clock.advance(1000)
    t.same(await lease(queue), [])
    await show(queue, 'e')
    t.same(await lease(queue), [])
    t.match(await queue.subscriptions(), [{ paused: true, ready: 5, leased: 0 }])
    await queue.pause(DEFAULT, false)
    await queue.pause(DEFAULT, false)
    t.match(await queue.subscriptions(), [{ paused: false, ready: 5 }])
    t.equal(namesOf(await lease(queue)), 'abcde')
  })

  t.test('receipts stay valid during a pause', async (t) => {
    const { queue, clock } = await start(t, open)
    await show(queue, 'abcd')
    const [a = '', b = '', c = '', d = ''] = receiptsOf(await lease(queue))
    await queue.pause(DEFAULT, true)
    t.same(await queue.ack([a]), { accepted: 1, stale: [] })
    t.same(await queue.nack([b], 0), { accepted: 1, stale: [] })
    t.same(await queue.putBack([c]), { accepted: 1, stale: [] })
    t.match(await queue.extend([d], 2 * LEASE_MS), { accepted: 1, stale: [] })
    t.same(await lease(queue), [])
    await queue.pause(DEFAULT, false)
    t.equal(namesOf(await lease(queue)), 'bc')
    clock.advance(LEASE_MS)
    t.same(await queue.ack([d]), { accepted: 1, stale: [] })
  })

  t.test('dead letters can be listed, redriven and removed during a pause', async (t) => {
    const { queue } = await start(t, open, { maxReceives: 1 })
    await show(queue, 'abc')
    const receipts = receiptsOf(await lease(queue))
    await queue.pause(DEFAULT, true)
    await queue.nack(receipts, 0)
    t.equal(namesOf((await queue.dead(DEFAULT, 10)).items).length, 3)
    t.equal(await queue.redrive(DEFAULT, [idOf('b')]), 1)
    t.equal(await queue.removeDead(DEFAULT, idOf('a')), true)
    t.same(await lease(queue), [])
    await queue.pause(DEFAULT, false)
    t.equal(namesOf(await lease(queue)), 'b')
  })

  t.test('a pause affects no other subscription', async (t) => {
    const { queue } = await start(t, open)
    await queue.subscribe('x', 'start')
    await show(queue, 'a')
    await queue.pause('x', true)
    t.equal(namesOf(await lease(queue)), 'a')
    t.same(await leaseIn(queue, 'x'), [])
    t.match(await queue.subscriptions(), [
      { name: DEFAULT, paused: false },
      { name: 'x', paused: true },
    ])
  })

  t.test('a subscription that is moved stays paused', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'ab')
    await lease(queue)
    await queue.pause(DEFAULT, true)
    await queue.seek(DEFAULT, 'start')
    t.match(await queue.subscriptions(), [{ paused: true, ready: 2, leased: 0 }])
    t.same(await lease(queue), [])
  })

  t.test('listeners are called when a subscription resumes', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'a')
    await queue.pause(DEFAULT, true)
    let told = 0
    t.teardown(queue.onReady(() => told++))
    await queue.pause(DEFAULT, false)
    t.equal(told, 1)
  })
}
