import { setImmediate as settle } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { StoreUnavailable } from '../../src/errors/store-errors.ts'
import { LongPoll } from '../../src/events/long-poll.ts'
import { openMemoryQueue } from '../../src/stores/memory/engine.ts'
import type { EventQueue, LeasedEvent } from '../../src/stores/ports.ts'
import { TestClock } from '../test-clock.ts'

const LEASE_MS = 30_000

function setUp(t: Test) {
  const clock = new TestClock()
  const queue = openMemoryQueue({ clock, maxReceives: 5 })
  const longPoll = new LongPoll(queue, clock)
  t.teardown(() => longPoll.stop())
  let attempts = 0
  const publish = async (...names: string[]): Promise<void> => {
    const events = names.map((name) => ({ id: name, name, createdAt: '2026-01-31T12:00:00.000Z' }))
    await queue.release(`attempt-${++attempts}`, events)
  }
  const wait = (waitMs = 20_000, signal?: AbortSignal) => longPoll.receive(1, LEASE_MS, waitMs, signal)
  return { clock, queue, longPoll, publish, wait }
}

/** Lets `receive` of a queue fail or take as long as a test says, one call at a time. */
function interrupt(queue: EventQueue, behave: (receive: EventQueue['receive']) => ReturnType<EventQueue['receive']>) {
  const receive = queue.receive.bind(queue)
  queue.receive = () => {
    queue.receive = receive
    return behave(receive)
  }
}

const names = (events: LeasedEvent[]): string[] => events.map(({ name }) => name)

test('who does not wait is answered at once', async (t) => {
  const { wait, publish, clock } = setUp(t)
  t.same(await wait(0), [])
  await publish('a')
  t.same(names(await wait(0)), ['a'])
  t.equal(clock.waiting, 0)
})

test('a wait ends as soon as an event is there', async (t) => {
  const { wait, publish, clock } = setUp(t)
  const waiting = wait()
  await settle()
  await publish('a')
  t.same(names(await waiting), ['a'])
  t.equal(clock.waiting, 0, 'no timer is left behind')
})

test('those who wait are served in the order they came, one event each', async (t) => {
  const { wait, publish } = setUp(t)
  const waiting = [wait(), wait(), wait()]
  await settle()
  await publish('a', 'b')
  await publish('c')
  t.same((await Promise.all(waiting)).map(names), [['a'], ['b'], ['c']])
})

test('a wait is over after its time, with no event', async (t) => {
  const { wait, clock } = setUp(t)
  const waiting = wait(5000)
  await settle()
  clock.advance(4999)
  await settle()
  t.equal(clock.waiting > 0, true)
  clock.advance(1)
  t.same(await waiting, [])
  t.equal(clock.waiting, 0)
})

test('a lease that ends wakes who waits', async (t) => {
  const { wait, publish, clock, longPoll } = setUp(t)
  await publish('a')
  await longPoll.receive(1, 300, 0)
  const waiting = wait()
  await settle()
  clock.advance(300)
  t.match(await waiting, [{ name: 'a', receiveCount: 2 }])
})

test('an event whose hint got lost is found before long', async (t) => {
  const { clock, queue, publish } = setUp(t)
  queue.onReady = () => () => {}
  const deaf = new LongPoll(queue, clock)
  const waiting = deaf.receive(1, LEASE_MS, 20_000)
  await settle()
  await publish('a')
  await settle()
  clock.advance(1000)
  t.same(names(await waiting), ['a'])
})

test('for a consumer that has gone nothing is leased', async (t) => {
  const { wait, publish, queue } = setUp(t)
  const [gone, goneBefore] = [new AbortController(), AbortSignal.abort()]
  const waiting = wait(20_000, gone.signal)
  await settle()
  gone.abort()
  t.same(await waiting, [])
  t.same(await wait(20_000, goneBefore), [])
  await publish('a')
  await settle()
  t.match(await queue.stats(), { ready: 1, leased: 0 })
})

test('events that are leased as a wait runs out are still given to its consumer', async (t) => {
  const { wait, publish, queue, clock } = setUp(t)
  const waiting = wait(5000)
  await settle()
  interrupt(queue, async (receive) => {
    clock.advance(5000)
    await settle()
    return receive(1, LEASE_MS)
  })
  await publish('a')
  t.same(names(await waiting), ['a'])
})

test('a wait that runs out while the queue is asked in vain ends with no event', async (t) => {
  const { wait, queue, clock } = setUp(t)
  const waiting = wait(1500)
  await settle()
  interrupt(queue, async (receive) => {
    clock.advance(500)
    return receive(1, LEASE_MS)
  })
  clock.advance(1000)
  t.same(await waiting, [])
})

test('a failing queue is told to the first in line only; the next one is served when it recovers', async (t) => {
  const { wait, publish, queue, clock } = setUp(t)
  const waiting = [wait(), wait()]
  await settle()
  const receive = queue.receive.bind(queue)
  queue.receive = () => Promise.reject(new StoreUnavailable('down'))
  const refused = t.rejects(waiting[0] as Promise<unknown>, { name: 'StoreUnavailable' })
  await publish('a')
  await refused
  await settle()
  queue.receive = receive
  clock.advance(1000)
  t.same(names((await waiting[1]) ?? []), ['a'])
})

test('when the service stops every wait ends at once, and nobody waits any more', async (t) => {
  const { wait, longPoll, clock, publish } = setUp(t)
  const waiting = [wait(), wait()].map((promise) => t.rejects(promise, { code: 'SERVICE_STOPPING', retryAfter: 1 }))
  await settle()
  longPoll.stop()
  await Promise.all(waiting)
  await t.rejects(wait(), { code: 'SERVICE_STOPPING' })
  t.same(await wait(0), [])
  await publish('a')
  t.same(names(await wait()), ['a'], 'what is ready is still given')
  t.equal(clock.waiting, 0)
})
