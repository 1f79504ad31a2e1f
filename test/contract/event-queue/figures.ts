import type { Test } from 'tap'
import { DEFAULT, lease, receiptsOf, show } from '../leasing.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { events, idOf, NOON } from '../submissions.ts'

/** The statistics and hints of a queue. */
export async function figurePromises(t: Test, open: OpenStores): Promise<void> {
  t.test('an empty queue counts zero, and has no age', async (t) => {
    const { queue } = await start(t, open)
    const none = { ready: 0, leased: 0, delayed: 0, dead: 0, oldestReadyAgeSeconds: null }
    t.match(await queue.stats(DEFAULT), none)
  })

  t.test('each event is counted in exactly one state', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 2 })
    await show(queue, 'a')
    for (const _ of [1, 2]) await queue.nack(receiptsOf(await lease(queue, 1)), 0)
    await show(queue, 'bcdefg')
    const [b = ''] = receiptsOf(await lease(queue, 3))
    await queue.nack([b], 60_000)
    clock.advance(1500)
    const expected = { ready: 3, leased: 2, delayed: 1, dead: 1, oldestReadyAgeSeconds: 1.5 }
    t.match(await queue.stats(DEFAULT), expected)
    clock.advance(60_000)
    t.match(await queue.stats(DEFAULT), { ready: 6, leased: 0, delayed: 0, dead: 1 })
  })

  t.test('the age is that of the event at the front, and never below zero', async (t) => {
    const { queue, clock } = await start(t, open)
    await queue.release('1', events('a', NOON + 10_000))
    await queue.release('2', events('b', NOON - 3_600_000))
    t.equal((await queue.stats(DEFAULT)).oldestReadyAgeSeconds, 0)
    clock.advance(12_000)
    t.equal((await queue.stats(DEFAULT)).oldestReadyAgeSeconds, 2)
    await lease(queue, 2)
    t.equal((await queue.stats(DEFAULT)).oldestReadyAgeSeconds, null)
  })

  // Spurious hints are allowed: only a missing one is an error.
  t.test('listeners are called once per operation that makes events ready, until they unsubscribe', async (t) => {
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
    await tells('redrive', 1, () => queue.redrive(DEFAULT, [idOf('a'), idOf('b')]))
    stop()
    await tells('after the listener has stopped', 0, () => queue.redrive(DEFAULT))
    t.match(await queue.stats(DEFAULT), { ready: 3 })
  })

  t.test('it answers a probe, and always to the same identity', async (t) => {
    const { queue } = await start(t, open)
    await queue.probe()
    t.equal(await queue.identity(), await queue.identity())
    t.match(await queue.identity(), /./)
  })
}
