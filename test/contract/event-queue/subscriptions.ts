import type { Test } from 'tap'
import { UnknownSubscription } from '../../../src/errors/store-errors.ts'
import { type EventQueue, MAX_SUBSCRIPTIONS, type Subscription } from '../../../src/stores/ports.ts'
import { DEFAULT, LEASE_MS, lease, leaseIn, namesOf, readIn, receiptsOf, show } from '../leasing.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { events, idOf, NOON } from '../submissions.ts'

/** A subscription as it is listed. */
async function listed(queue: EventQueue, name: string): Promise<Subscription | undefined> {
  return (await queue.subscriptions()).find((one) => one.name === name)
}

const namesAt = (list: { name: string }[]): string[] => list.map(({ name }) => name)

/** How subscriptions are made, where they begin, and how they are removed. */
export async function subscriptionPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('the default subscription exists from the start and gets every event', async (t) => {
    const { queue } = await start(t, open)
    const figures = { ready: 0, leased: 0, delayed: 0, dead: 0, oldestReadyAgeSeconds: null }
    t.match(await queue.subscriptions(), [{ name: DEFAULT, createdAt: Number, paused: false, ...figures }])
    t.equal(await queue.subscribe(DEFAULT, 'end'), 'there')
    await show(queue, 'ab')
    t.equal(namesOf(await lease(queue)), 'ab')
  })

  t.test('a new subscription begins before the oldest event or after the newest', async (t) => {
    const { queue, clock } = await start(t, open)
    await show(queue, 'ab')
    clock.advance(1000)
    t.equal(await queue.subscribe('all', 'start'), 'made')
    t.equal(await queue.subscribe('new', 'end'), 'made')
    t.same(await listed(queue, 'all'), {
      name: 'all',
      createdAt: clock.now(),
      paused: false,
      ready: 2,
      leased: 0,
      delayed: 0,
      dead: 0,
      oldestReadyAgeSeconds: 1,
    })
    t.match(await listed(queue, 'new'), { name: 'new', ready: 0, oldestReadyAgeSeconds: null })
    await show(queue, 'c')
    t.equal(await readIn(queue, 'all'), 'abc')
    t.equal(await readIn(queue, 'new'), 'c')
  })

  t.test('a subscription from a time begins at the first event in the log that is not older', async (t) => {
    const { queue, clock } = await start(t, open)
    for (const [name, at] of Object.entries({ a: 10, b: 30, c: 20, d: 40 })) {
      await queue.release(name, events(name, NOON + at))
    }
    clock.advance(1000)
    const begins = { 0: 'abcd', 10: 'abcd', 11: 'bcd', 20: 'bcd', 30: 'bcd', 31: 'd', 40: 'd', 41: '', 5000: '' }
    for (const [at, names] of Object.entries(begins)) {
      await queue.subscribe(`from-${at}`, NOON + Number(at))
      t.equal(await readIn(queue, `from-${at}`), names, at)
    }
    await show(queue, 'e')
    t.equal(await readIn(queue, 'from-5000'), 'e', 'a time that no event has reached is the end')
  })

  t.test('in an empty log all places are the same', async (t) => {
    const { queue } = await start(t, open)
    const places = { first: 'start', last: 'end', time: NOON, future: NOON + 1e9 } as const
    for (const [name, from] of Object.entries(places)) await queue.subscribe(name, from)
    await show(queue, 'a')
    for (const name of Object.keys(places)) t.equal(await readIn(queue, name), 'a', name)
  })

  t.test('subscribing again changes neither the place nor the creation time', async (t) => {
    const { queue, clock } = await start(t, open)
    await show(queue, 'ab')
    await queue.subscribe('x', 'start')
    await queue.ack(receiptsOf(await leaseIn(queue, 'x', 1)))
    clock.advance(1000)
    for (const from of ['start', 'end', NOON] as const) t.equal(await queue.subscribe('x', from), 'there')
    t.match(await listed(queue, 'x'), { createdAt: NOON, ready: 1 })
    t.equal(await readIn(queue, 'x'), 'b')
  })

  t.test('subscribing to one name twice at once makes one subscription', async (t) => {
    const { queue } = await start(t, open)
    const made = await Promise.all([queue.subscribe('x', 'start'), queue.subscribe('x', 'end')])
    t.same(made.sort(), ['made', 'there'])
    t.same(namesAt(await queue.subscriptions()), [DEFAULT, 'x'])
  })

  t.test('subscriptions are listed by name, whatever the collation of the database', async (t) => {
    const { queue } = await start(t, open)
    for (const name of ['x', 'ab', 'a_b', 'a1', 'a.b', 'a-b', '9']) await queue.subscribe(name, 'end')
    t.same(namesAt(await queue.subscriptions()), ['9', 'a-b', 'a.b', 'a1', 'a_b', 'ab', DEFAULT, 'x'])
  })

  t.test('each subscription is listed with its own counts', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 1 })
    await queue.subscribe('busy', 'start')
    await show(queue, 'abcd')
    const [a = ''] = receiptsOf(await leaseIn(queue, 'busy', 2))
    await queue.nack([a], 0)
    clock.advance(2000)
    const list = await queue.subscriptions()
    t.match(list, [
      { name: 'busy', ready: 2, leased: 1, delayed: 0, dead: 1, oldestReadyAgeSeconds: 2 },
      { name: DEFAULT, ready: 4, leased: 0, delayed: 0, dead: 0, oldestReadyAgeSeconds: 2 },
    ])
    for (const one of list) t.match(one, await queue.stats(one.name))
  })
}

/** The limit on the number of subscriptions. */
export async function manySubscriptionsPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a hundred subscriptions get every event, and one more is refused', async (t) => {
    const { queue } = await start(t, open)
    const names = Array.from({ length: MAX_SUBSCRIPTIONS - 1 }, (_, n) => `s-${n}`)
    for (const name of names) t.equal(await queue.subscribe(name, 'start'), 'made')
    t.equal(await queue.subscribe('one-more', 'start'), 'full')
    t.equal(await queue.subscribe('s-7', 'start'), 'there')
    await show(queue, 'abc')
    const read = await Promise.all([DEFAULT, ...names].map((name) => readIn(queue, name)))
    t.ok(read.every((names) => names === 'abc'))
    t.equal((await queue.subscriptions()).length, MAX_SUBSCRIPTIONS)
    t.equal(await queue.unsubscribe('s-7'), true)
    t.equal(await queue.subscribe('one-more', 'start'), 'made')
  })
}

/** What is removed with a subscription. */
export async function unsubscribePromises(t: Test, open: OpenStores): Promise<void> {
  t.test('removing a subscription removes its place, leases and dead letters', async (t) => {
    const { queue } = await start(t, open, { maxReceives: 1 })
    await queue.subscribe('x', 'start')
    await show(queue, 'abc')
    const receipts = receiptsOf(await leaseIn(queue, 'x', 2))
    await queue.nack(receipts.slice(0, 1), 0)
    t.equal(await queue.unsubscribe('x'), true)
    t.equal(await queue.unsubscribe('x'), false)
    t.same(namesAt(await queue.subscriptions()), [DEFAULT])
    t.same(await queue.ack(receipts), { accepted: 0, stale: receipts })
    t.match(await queue.stats(DEFAULT), { ready: 3 }, 'the events are there for others')
    await queue.subscribe('x', 'start')
    t.match(await queue.stats('x'), { ready: 3, leased: 0, dead: 0 })
    await leaseIn(queue, 'x')
    t.same(await queue.ack(receipts), { accepted: 0, stale: receipts }, 'one of the same name is another one')
  })

  t.test('the default subscription cannot be removed', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'a')
    t.equal(await queue.unsubscribe(DEFAULT), false)
    t.equal(namesOf(await lease(queue)), 'a')
  })

  t.test('every operation refuses an unknown subscription', async (t) => {
    const { queue } = await start(t, open)
    await queue.subscribe('gone', 'start')
    await queue.unsubscribe('gone')
    for (const name of ['gone', 'Default', '']) {
      const operations: Record<string, () => Promise<unknown>> = {
        receive: () => queue.receive(name, 1, LEASE_MS),
        stats: () => queue.stats(name),
        dead: () => queue.dead(name, 10),
        redrive: () => queue.redrive(name),
        removeDead: () => queue.removeDead(name, idOf('a')),
        endLeases: () => queue.endLeases(name, [idOf('a')]),
        seek: () => queue.seek(name, 'start'),
        pause: () => queue.pause(name, true),
      }
      for (const [operation, call] of Object.entries(operations)) {
        await t.rejects(call(), new UnknownSubscription(name), `${operation} of ${name}`)
      }
    }
  })
}
