import { test } from 'tap'
import { DEFAULT, show } from '../contract/leasing.ts'
import { settle, start, startFailing, TAKEN } from '../support/receiver.ts'

test('stopping waits for what is being sent, and leases nothing more', async (t) => {
  const { queue, forwarder, receiver, soleCall } = await start(t)
  await show(queue, 'a'.repeat(32))
  forwarder.start()
  await soleCall((call) => call.answer(TAKEN))
  const [first, second] = receiver.take()
  const stopped = forwarder.stop()
  first?.answer(TAKEN)
  await settle()
  t.equal(receiver.closed, false)
  second?.answer(TAKEN)
  await stopped
  t.equal(receiver.closed, true)
  t.match(await queue.stats(DEFAULT), { ready: 2, leased: 0 })
  t.equal(receiver.open.length, 0)
})

test('stopping waits five seconds; what is not answered then is put back', async (t) => {
  const { clock, queue, forwarder, receiver } = await start(t, { maxReceives: 1 })
  await show(queue, 'abc')
  forwarder.start()
  await settle()
  const [call] = receiver.take()
  const stopped = forwarder.stop()
  await settle()
  clock.advance(4999)
  await settle()
  t.equal(call?.signal.aborted, false)
  clock.advance(1)
  await stopped
  t.equal(call?.signal.aborted, true)
  t.match(await queue.stats(DEFAULT), { ready: 3, leased: 0, dead: 0 })
})

test('events that are leased in the moment it stops are put back unsent', async (t) => {
  const { queue, forwarder, receiver } = await start(t, { maxReceives: 1 })
  await show(queue, 'abc')
  forwarder.start()
  await forwarder.stop()
  t.equal(receiver.open.length, 0)
  t.match(await queue.stats(DEFAULT), { ready: 3, leased: 0, dead: 0 })
})

test('it stops at once in the middle of a pause, and when there is nothing to do', async (t) => {
  const { forwarder, receiver } = await startFailing(t, 'abc')
  await forwarder.stop()
  t.equal(receiver.closed, true)
  const idle = await start(t)
  idle.forwarder.start()
  await settle()
  await idle.forwarder.stop()
  t.equal(idle.receiver.closed, true)
  const unstarted = await start(t)
  await unstarted.forwarder.stop()
})
