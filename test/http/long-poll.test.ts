import { setImmediate as settle } from 'node:timers/promises'
import { test } from 'tap'
import { StoreUnavailable } from '../../src/errors/store-errors.ts'
import { LongPoll } from '../../src/outbox/long-poll.ts'
import { DEFAULT } from '../contract/leasing.ts'
import { interrupt, LEASE_MS, names, ONE, setUp, waitAs } from '../support/long-polls.ts'

test('a receive without a wait is answered at once', async (t) => {
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

test('the waits of one caller are served in order of arrival, one event each', async (t) => {
  const { wait, publish } = setUp(t)
  const waiting = [wait(), wait(), wait()]
  await settle()
  await publish('a', 'b')
  await publish('c')
  t.same((await Promise.all(waiting)).map(names), [['a'], ['b'], ['c']])
})

test('callers take turns, however often one of them waits', async (t) => {
  const line = setUp(t)
  const log: string[] = []
  await waitAs(line, log, ...Array(5).fill(['hoarder', 1]), ['worker', 1], ['other', 1])
  for (const name of 'abc') await line.publish(name)
  await settle()
  t.same(log, ['hoarder: a', 'worker: b', 'other: c'])
  await waitAs(line, log, ['worker', 1])
  for (const name of 'def') await line.publish(name)
  await settle()
  t.same(log.slice(3), ['hoarder: d', 'worker: e', 'hoarder: f'])
})

test('a caller who asks for much and often leaves some of a burst to others', async (t) => {
  const line = setUp(t)
  const log: string[] = []
  await waitAs(line, log, ...Array(32).fill(['hoarder', 100]), ['worker', 10])
  await line.publish(...'abcdefghijklmnopqrst')
  await settle()
  t.same(log, ['hoarder: a', 'worker: bc', 'hoarder: defghijklmnopqrst'])
})

test('a backlog is handed out in ever larger parts while several callers wait, until the queue is empty', async (t) => {
  const line = setUp(t)
  const log: string[] = []
  const sizes = () => log.splice(0).map((given) => given.replace(/.*: /, '').length)
  await waitAs(line, log, ...Array(9).fill(['one', 100]), ...Array(9).fill(['other', 100]))
  await line.publish(...'x'.repeat(327))
  await settle()
  t.same(sizes(), [1, 2, 4, 8, 16, 32, 64, 100, 100])
  await line.publish(...'xy')
  await settle()
  t.same(sizes(), [1, 1], 'then small ones again')
})

test('a caller that waits alone gets as many events as it asks for', async (t) => {
  const line = setUp(t)
  const log: string[] = []
  await waitAs(line, log, ['worker', 100], ['worker', 100])
  await line.publish(...'abcde')
  await settle()
  t.same(log, ['worker: abcde'])
})

test('a caller may wait 32 times at once; the next is told when the first of these ends', async (t) => {
  const { wait, longPoll, publish, clock } = setUp(t)
  const gone = new AbortController()
  const waiting = Array.from({ length: 30 }, () => wait(12_000))
  waiting.push(wait(7300), wait(20_000, gone.signal))
  await settle()
  clock.advance(1000)
  const refused = { code: 'RATE_LIMITED', retryAfter: 7 }
  await t.rejects(wait(), refused)
  t.same(await wait(0), [], 'but who does not wait is answered')
  const other = longPoll.receive({ ...ONE, caller: 'another' })
  await settle()
  for (const [how, free] of [
    ['gone', () => gone.abort()],
    ['served', () => publish('a')],
    ['over', () => clock.advance(6300)],
  ] as const) {
    await free()
    await settle()
    waiting.push(wait(20_000))
    await settle()
    await t.rejects(wait(), { code: 'RATE_LIMITED' }, `one place is free after one is ${how}`)
  }
  longPoll.stop()
  const ends = await Promise.allSettled([...waiting, other])
  t.equal(ends.filter(({ status }) => status === 'rejected').length, 33)
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

test('a lease that ends wakes a waiting consumer', async (t) => {
  const { wait, publish, clock, longPoll } = setUp(t)
  await publish('a')
  await longPoll.receive({ ...ONE, leaseMs: 300, waitMs: 0 })
  const waiting = wait()
  await settle()
  clock.advance(300)
  t.match(await waiting, [{ body: '{"name":"a"}', receiveCount: 2 }])
})

test('an event whose hint got lost is found before long', async (t) => {
  const { clock, queue, publish } = setUp(t)
  queue.onReady = () => () => {}
  const deaf = new LongPoll(queue, clock)
  const waiting = deaf.receive(ONE)
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
  t.match(await queue.stats(DEFAULT), { ready: 1, leased: 0 })
})

test('events that are leased as a wait runs out are still given to its consumer', async (t) => {
  const { wait, publish, queue, clock } = setUp(t)
  const waiting = wait(5000)
  await settle()
  interrupt(queue, async (receive) => {
    clock.advance(5000)
    await settle()
    return receive(DEFAULT, 1, LEASE_MS)
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
    return receive(DEFAULT, 1, LEASE_MS)
  })
  clock.advance(1000)
  t.same(await waiting, [])
})

test('only the first in line gets the error of a failing queue; the next is served when it recovers', async (t) => {
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
