import { test } from 'tap'
import { DEFAULT, lease, show } from '../contract/leasing.ts'
import { bound, FAILED, settle, start, startFailing, TAKEN } from '../support/receiver.ts'
import { faulty } from '../support/submission/faulty-stores.ts'

test('when a call fails its events are put back, and it goes on, after a pause, with one event', async (t) => {
  const { queue, forwarder, receiver, soleCall, pass, lines } = await start(t)
  await show(queue, 'abc')
  forwarder.start()
  t.equal(await soleCall((call) => call.fail()), 'abc')
  t.match(await queue.stats(DEFAULT), { ready: 3, leased: 0 })
  await pass(499)
  t.equal(receiver.open.length, 0, 'the pause')
  await pass(1)
  t.equal(await soleCall((call) => call.answer(TAKEN)), 'a')
  t.equal(await soleCall((call) => call.answer(TAKEN)), 'bc')
  t.same(lines, [], 'a single failure is not worth a line')
})

test('while the receiver fails, probes come ever more seldom, up to 30 seconds apart, and grow from one event', async (t) => {
  const { clock, forwarder, soleCall, pass } = await startFailing(t, 'abc')
  const pauses: number[] = []
  const probes: string[] = []
  for (let probe = 0; probe < 9; probe++) {
    const pauseMs = clock.nextAt - clock.now()
    pauses.push(pauseMs)
    await pass(pauseMs)
    probes.push(await soleCall((call) => call.fail()))
  }
  t.same(probes, ['ab', ...Array(8).fill('abc')])
  t.same(pauses, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000])
  t.equal(forwarder.health.state, 'failing')
})

test('an outage of a day makes no dead letters, and counts as no receive', async (t) => {
  const { clock, queue, receiver, soleCall, pass } = await startFailing(t, 'abc')
  const end = clock.now() + 86_400_000
  while (clock.now() < end) {
    await pass(clock.nextAt - clock.now())
    for (const call of receiver.take()) call.fail()
    await settle()
  }
  t.match(await queue.stats(DEFAULT), { ready: 3, leased: 0, delayed: 0, dead: 0 })
  t.match(await lease(queue, 3, 1), [{ receiveCount: 1 }, { receiveCount: 1 }, { receiveCount: 1 }])
  await pass(30_000)
  t.equal(await soleCall((call) => call.answer(TAKEN)), 'abc')
})

test('the log has one line when it begins to fail, and one when it works again; the health tells why', async (t) => {
  const { clock, forwarder, lines, soleCall, pass } = await startFailing(t, 'abc')
  const since = new Date(clock.now()).toISOString()
  t.same(forwarder.health, { state: 'failing', reason: 'down', since })
  await pass(1000)
  await soleCall((call) => call.fail('still down'))
  t.same(forwarder.health, { state: 'failing', reason: 'still down', since })
  await pass(2000)
  await soleCall((call) => call.answer(TAKEN))
  t.same(forwarder.health, { state: 'forwarding', reason: null, since: new Date(clock.now()).toISOString() })
  t.same(lines, [
    'warn: Events cannot be forwarded; they wait until it works again',
    'info: Events are forwarded again',
  ])
})

test('when a call fails in part, what failed is put back, and sent again with less at a time', async (t) => {
  const { queue, forwarder, receiver, lines, soleCall, pass } = await start(t, { maxReceives: 1 })
  await show(queue, 'abcdefghijklmnopqrstuvwxyz')
  forwarder.start()
  t.equal(await soleCall((call) => call.answer(TAKEN)), 'abcdefghij')
  await settle()
  const [second, third] = receiver.take()
  second?.answer(FAILED, FAILED, ...Array(8).fill(TAKEN))
  third?.answer(TAKEN)
  await settle()
  await pass(500)
  t.equal(await soleCall((call) => call.answer(TAKEN)), 'kl', 'in one call: it is no probe')
  t.match(await queue.stats(DEFAULT), { ready: 0, leased: 0, dead: 0 })
  t.equal(forwarder.health.state, 'forwarding')
  t.same(lines, [])
})

test('a call that is never answered is given up, and its events are put back before their leases end', async (t) => {
  const { queue, forwarder, receiver, pass } = await start(t, { maxReceives: 1 })
  await show(queue, 'abc')
  forwarder.start()
  await settle()
  const [call] = receiver.take()
  await pass(15_000)
  t.equal(call?.signal.aborted, true)
  t.match(await queue.stats(DEFAULT), { ready: 3, leased: 0, dead: 0 })
})

test('a store that fails while the outcome is kept is asked again: what was taken is not sent twice', async (t) => {
  const settling = { fail: (_: 'ack' | 'receive', __?: number): void => {} }
  const { queue, forwarder, receiver, soleCall, pass } = await start(t, {
    wrap: (real) => {
      const { port, fail } = faulty(real)
      settling.fail = (method, times = 1) => fail(method, 'before', times)
      return new Proxy(port, { get: (of, name) => (name === 'onReady' ? real.onReady.bind(real) : bound(of, name)) })
    },
  })
  await show(queue, 'ab')
  settling.fail('ack', 2)
  forwarder.start()
  await soleCall((call) => call.answer(TAKEN))
  await pass(200)
  await pass(400)
  t.match(await queue.stats(DEFAULT), { ready: 0, leased: 0 })
  settling.fail('receive', 2)
  await show(queue, 'c')
  await settle()
  await pass(500)
  t.match(forwarder.health, { state: 'failing', reason: /queue of events does not answer/ })
  await pass(1000)
  t.equal(await soleCall((call) => call.answer(TAKEN)), 'c')
  t.equal(forwarder.health.state, 'forwarding')
  t.equal(receiver.open.length, 0)
})

test('when the queue answers again the health says so, though there is nothing to send', async (t) => {
  let isDown = true
  const { forwarder, lines, pass } = await start(t, {
    wrap: (real) =>
      new Proxy(real, {
        get: (of, name) =>
          name === 'receive' && isDown ? () => Promise.reject(new Error('It is down')) : bound(of, name),
      }),
  })
  forwarder.start()
  for (const pauseMs of [0, 500, 1000]) await pass(pauseMs)
  t.equal(forwarder.health.state, 'failing')
  isDown = false
  await pass(2000)
  t.equal(forwarder.health.state, 'forwarding')
  t.equal(lines.length, 2)
})

test('events that were leased before a failure was known are put back unsent', async (t) => {
  let held = Promise.resolve()
  const { queue, forwarder, receiver, soleCall } = await start(t, {
    maxReceives: 1,
    wrap: (real) =>
      new Proxy(real, {
        get: (of, name) => {
          if (name !== 'receive') return bound(of, name)
          return async (...args: Parameters<typeof of.receive>) => {
            const received = await of.receive(...args)
            await held
            return received
          }
        },
      }),
  })
  await show(queue, 'a'.repeat(40))
  forwarder.start()
  await soleCall((call) => call.answer(TAKEN))
  const [first, second] = receiver.take()
  const { promise, resolve } = Promise.withResolvers<void>()
  held = promise
  first?.answer(TAKEN)
  await settle()
  t.match(await queue.stats(DEFAULT), { ready: 0, leased: 20 })
  second?.fail()
  await settle()
  resolve()
  await settle()
  t.equal(receiver.open.length, 0)
  t.match(await queue.stats(DEFAULT), { ready: 20, leased: 0, dead: 0 })
})

test('a receiver that asks for a longer pause gets it, up to ten minutes', async (t) => {
  const { queue, clock, forwarder, soleCall, pass } = await start(t, { maxReceives: 1 })
  await show(queue, 'a')
  forwarder.start()
  for (const [retryAfterMs, pauseMs] of [
    [120_000, 120_000],
    [86_400_000, 600_000],
    [1, 2000],
  ] as const) {
    await soleCall((call) => call.answer({ kind: 'failed', reason: 'busy', retryAfterMs }))
    t.equal(clock.nextAt - clock.now(), pauseMs)
    await pass(pauseMs)
  }
  await soleCall((call) => call.answer(TAKEN))
})

test('of the pauses that answers ask for the longest is made, and only once', async (t) => {
  const { queue, clock, forwarder, receiver, soleCall, pass } = await start(t, { maxReceives: 1 })
  const busy = { kind: 'failed', reason: 'busy', retryAfterMs: 120_000 } as const
  await show(queue, 'a'.repeat(60))
  forwarder.start()
  await soleCall((call) => call.answer(FAILED, busy))
  t.equal(clock.nextAt - clock.now(), 120_000, 'in one call')
  await pass(120_000)
  await soleCall((call) => call.answer(TAKEN))
  const together = receiver.take()
  together[0]?.answer(busy)
  together[1]?.answer(FAILED)
  await settle()
  t.equal(clock.nextAt - clock.now(), 120_000, 'in two that end together')
  await pass(120_000)
  await soleCall((call) => call.answer(TAKEN))
  const inTurn = receiver.take()
  inTurn[0]?.answer(busy)
  await settle()
  inTurn[1]?.answer(busy)
  await settle()
  await pass(120_000)
  t.equal(await soleCall((call) => call.answer(TAKEN)), 'a', 'in two of which one ends later')
  t.equal((await queue.stats(DEFAULT)).dead, 0)
})

test('a receiver that is gone gets nothing more until its subscription is resumed, and no event dies', async (t) => {
  const { queue, forwarder, receiver, lines, soleCall, pass } = await start(t, { maxReceives: 1 })
  await show(queue, 'abc')
  forwarder.start()
  await soleCall((call) => call.answer({ kind: 'gone', reason: 'The answer was 410' }))
  t.match(await queue.subscriptions(), [{ name: DEFAULT, paused: true, ready: 3, leased: 0, dead: 0 }])
  t.match(forwarder.health, {
    state: 'failing',
    reason: 'The answer was 410: the subscription is paused until it is resumed',
  })
  for (let minute = 0; minute < 60; minute++) await pass(60_000)
  t.equal(receiver.open.length, 0)
  await queue.pause(DEFAULT, false)
  await pass(1000)
  t.equal(await soleCall((call) => call.answer(TAKEN)), 'a')
  t.equal(await soleCall((call) => call.answer(TAKEN)), 'bc')
  t.equal(forwarder.health.state, 'forwarding')
  t.equal(lines.length, 2)
})

test('that a subscription is paused is logged during an outage as well', async (t) => {
  const { lines, pass, soleCall } = await startFailing(t, 'abc')
  await pass(1000)
  await soleCall((call) => call.answer({ kind: 'gone', reason: 'The answer was 410' }))
  t.equal(lines.filter((line) => line.startsWith('warn: Events cannot be forwarded')).length, 2)
})

test('an event that the receiver always fails on does not hold up those behind it', async (t) => {
  const { clock, queue, forwarder, lines, soleCall, pass } = await startFailing(t, 'abc')
  await pass(clock.nextAt - clock.now())
  t.equal(await soleCall((call) => call.answer(FAILED, TAKEN)), 'ab')
  t.equal(forwarder.health.state, 'forwarding')
  await pass(500)
  t.equal(await soleCall((call) => call.answer(FAILED, TAKEN)), 'ac')
  t.match(await queue.stats(DEFAULT), { ready: 1, dead: 0 })
  t.equal(lines.length, 2)
})
