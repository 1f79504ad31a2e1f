import type { Test } from 'tap'
import { DEFAULT, lease, namesOf, receiptsOf } from '../leasing.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { events } from '../submissions.ts'

/** How events are held and released. */
export async function heldPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('nobody sees a held event', async (t) => {
    const { queue } = await start(t, open)
    t.equal(await queue.publish('1', events('ab')), true)
    t.same(await queue.receive(DEFAULT, 10, 1000), { events: [], nextDueAt: null })
    t.match(await queue.stats(DEFAULT), { ready: 0, leased: 0, delayed: 0, dead: 0, oldestReadyAgeSeconds: null })
  })

  t.test('released events are ready, in their order', async (t) => {
    const { queue } = await start(t, open)
    await queue.publish('1', events('abc'))
    await queue.release('1', events('abc'))
    await queue.publish('2', events('de'))
    await queue.release('2', events('de'))
    t.equal(namesOf(await lease(queue)), 'abcde')
  })

  t.test('publishing again changes nothing, held or released', async (t) => {
    const { queue } = await start(t, open)
    await queue.publish('1', events('a'))
    t.equal(await queue.publish('1', events('a')), true)
    await queue.release('1', events('a'))
    t.equal(await queue.publish('1', events('a')), true)
    t.equal(namesOf(await lease(queue)), 'a')
  })

  t.test('releasing again publishes nothing twice, even after the events were acked', async (t) => {
    const { queue } = await start(t, open)
    await queue.publish('1', events('a'))
    await queue.release('1', events('a'))
    await queue.release('1', events('a'))
    const leased = await lease(queue)
    t.equal(namesOf(leased), 'a')
    await queue.ack(receiptsOf(leased))
    await queue.release('1', events('a'))
    t.same(await lease(queue), [])
  })

  t.test('a release publishes events that the queue does not hold, once', async (t) => {
    const { queue } = await start(t, open)
    await queue.release('1', events('ab'))
    await queue.release('1', events('ab'))
    t.equal(await queue.publish('1', events('ab')), true)
    t.equal(namesOf(await lease(queue)), 'ab')
  })

  t.test('two attempts with the same events do not affect each other', async (t) => {
    const { queue } = await start(t, open)
    await queue.publish('1', events('a'))
    await queue.publish('2', events('a'))
    await queue.remove('1')
    await queue.release('2', events('a'))
    t.equal(namesOf(await lease(queue)), 'a')
  })
}

/** How the events of an attempt are removed. */
export async function tombstonePromises(t: Test, open: OpenStores): Promise<void> {
  t.test('removed events are never shown, not even by a release', async (t) => {
    const { queue } = await start(t, open)
    await queue.publish('1', events('a'))
    await queue.remove('1')
    await queue.remove('1')
    await queue.release('1', events('a'))
    t.same(await lease(queue), [])
  })

  t.test('a publish that arrives after its removal is refused', async (t) => {
    const { queue } = await start(t, open)
    await queue.remove('1')
    t.equal(await queue.publish('1', events('a')), false)
    await queue.release('1', events('a'))
    t.same(await lease(queue), [])
  })

  t.test('released events are not removed', async (t) => {
    const { queue } = await start(t, open)
    await queue.release('1', events('a'))
    await queue.remove('1')
    t.equal(await queue.publish('1', events('a')), true)
    t.equal(namesOf(await lease(queue)), 'a')
  })

  t.test('a sweep removes old marks up to its limit, and no young one', async (t) => {
    const { queue, clock } = await start(t, open)
    await queue.remove('1')
    await queue.release('2', events('b'))
    await queue.remove('3')
    clock.advance(1000)
    await queue.remove('4')
    const olderThan = clock.now()
    t.equal(await queue.sweep(olderThan - 1000, 10), 0)
    t.equal(await queue.sweep(olderThan, 2), 2)
    t.equal(await queue.sweep(olderThan, 2), 1)
    t.equal(await queue.sweep(olderThan, 2), 0)
    t.equal(await queue.publish('1', events('a')), true)
    t.equal(await queue.publish('4', events('d')), false)
  })

  t.test('a sweep removes no held events', async (t) => {
    const { queue, clock } = await start(t, open)
    await queue.publish('1', events('a'))
    clock.advance(1000)
    t.equal(await queue.sweep(clock.now(), 10), 0)
    await queue.release('1', events('a'))
    t.equal(namesOf(await lease(queue)), 'a')
  })
}
