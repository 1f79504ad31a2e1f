import { setImmediate as settle } from 'node:timers/promises'
import { test } from 'tap'
import { LongPoll } from '../../src/outbox/long-poll.ts'
import { DEFAULT } from '../contract/leasing.ts'
import { names, ONE, setUp, waitAs } from '../support/long-polls.ts'

test('each subscription has a line of its own', async (t) => {
  const line = setUp(t)
  const { longPoll, queue } = line
  await queue.subscribe('erp', 'start')
  const log: string[] = []
  await waitAs(line, log, ['hoarder', 100], ['worker', 100])
  const other = [1, 2].map(() => longPoll.receive({ ...ONE, subscription: 'erp' }))
  await settle()
  await queue.pause('erp', true)
  await line.publish('a', 'b', 'c')
  await settle()
  t.same(log, ['hoarder: a', 'worker: bc'])
  await queue.pause('erp', false)
  t.same((await Promise.all(other)).map(names), [['a'], ['b']])
})

test('a caller may wait 32 times at once in all subscriptions together', async (t) => {
  const { wait, longPoll, queue } = setUp(t)
  await queue.subscribe('erp', 'start')
  const waiting = Array.from({ length: 20 }, () => wait(20_000))
  await settle()
  waiting.push(...Array.from({ length: 12 }, () => longPoll.receive({ ...ONE, subscription: 'erp' })))
  await settle()
  const refused: unknown[] = []
  for (const subscription of [DEFAULT, 'erp']) {
    longPoll.receive({ ...ONE, subscription }).catch((error) => refused.push(error))
    await settle()
  }
  const limited = { code: 'RATE_LIMITED', retryAfter: 20 }
  t.match(refused, [limited, limited])
  longPoll.stop()
  t.equal((await Promise.allSettled(waiting)).filter(({ status }) => status === 'rejected').length, 32)
})

test('when a subscription is removed all its waits end at once, and those of others go on', async (t) => {
  const { wait, longPoll, queue, publish, clock } = setUp(t)
  const gone = { name: 'UnknownSubscription' }
  await t.rejects(longPoll.receive({ ...ONE, subscription: 'erp' }), gone)
  await queue.subscribe('erp', 'start')
  const own = wait()
  const waiting = ['a', 'a', 'b'].map((caller) => longPoll.receive({ ...ONE, caller, subscription: 'erp' }))
  await settle()
  const ends = Promise.all(waiting.map((each) => t.rejects(each, gone)))
  await queue.unsubscribe('erp')
  await ends
  await publish('a')
  t.same(names(await own), ['a'])
  t.equal(clock.waiting, 0)
})

test('a removal whose hint got lost ends all waits before long', async (t) => {
  const { clock, queue } = setUp(t)
  await queue.subscribe('erp', 'start')
  queue.onReady = () => () => {}
  const deaf = new LongPoll(queue, clock)
  const waiting = [1, 2, 3].map(() => deaf.receive({ ...ONE, subscription: 'erp' }))
  await settle()
  await queue.unsubscribe('erp')
  const ends = Promise.all(waiting.map((each) => t.rejects(each, { name: 'UnknownSubscription' })))
  clock.advance(1000)
  await ends
  t.equal(clock.waiting, 0)
})
