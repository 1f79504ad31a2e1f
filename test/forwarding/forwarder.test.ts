import { test } from 'tap'
import { DEFAULT, show } from '../contract/leasing.ts'
import { events, idOf } from '../contract/submissions.ts'
import { bound, REFUSED, settle, start, TAKEN } from '../support/receiver.ts'

test('what is taken is acknowledged, ten events in a call', async (t) => {
  const { queue, forwarder, soleCall } = await start(t)
  await show(queue, 'abcdefghijkl')
  forwarder.start()
  t.equal(await soleCall((call) => call.answer(TAKEN)), 'abcdefghij')
  t.equal(await soleCall((call) => call.answer(TAKEN)), 'kl')
  t.match(await queue.stats(DEFAULT), { ready: 0, leased: 0, delayed: 0, dead: 0 })
})

test('an event that arrives is sent at once, and one whose hint was lost within a second', async (t) => {
  const { queue, forwarder, receiver, soleCall, pass } = await start(t, {
    wrap: (real) => new Proxy(real, { get: (of, name) => (name === 'onReady' ? () => () => {} : bound(of, name)) }),
  })
  forwarder.start()
  await settle()
  await show(queue, 'a')
  await pass(999)
  t.equal(receiver.open.length, 0)
  await pass(1)
  t.equal(await soleCall((call) => call.answer(TAKEN)), 'a')

  const hinted = await start(t)
  hinted.forwarder.start()
  await settle()
  await show(hinted.queue, 'b')
  t.equal(await hinted.soleCall((call) => call.answer(TAKEN)), 'b')
})

test('more calls are under way only as they go well, and only while there are events to fill them', async (t) => {
  const { queue, forwarder, receiver } = await start(t)
  await show(queue, 'a'.repeat(1000))
  forwarder.start()
  const widths: number[] = []
  for (let round = 0; round < 7; round++) {
    await settle()
    widths.push(receiver.open.length)
    for (const call of receiver.take()) call.answer(TAKEN)
  }
  t.same(widths, [1, 2, 4, 8, 16, 16, 16])
  await settle()
  for (let round = 0; round < 40; round++) {
    for (const call of receiver.take()) call.answer(TAKEN)
    await settle()
  }
  for (const [index, name] of [...'xyz'].entries()) {
    await queue.release(`late-${index}`, events(name))
    await settle()
  }
  t.same(
    receiver.open.map(({ names }) => names),
    ['x'],
    'the next events gather while one call is under way',
  )
  receiver.take()[0]?.answer(TAKEN)
  await settle()
  t.same(
    receiver.open.map(({ names }) => names),
    ['yz'],
  )
  receiver.take()[0]?.answer(TAKEN)
})

test('an event that is refused comes again after a delay, and is a dead letter with the reason after its last lease', async (t) => {
  const { queue, forwarder, lines, soleCall, pass } = await start(t, { maxReceives: 2 })
  await show(queue, 'abc')
  forwarder.start()
  await soleCall((call) => call.answer(TAKEN, REFUSED, TAKEN))
  t.match(await queue.stats(DEFAULT), { ready: 0, leased: 0, delayed: 1 })
  await pass(10_000)
  t.equal(await soleCall((call) => call.answer(REFUSED)), 'b')
  t.match((await queue.dead(DEFAULT, 10)).items, [
    { id: idOf('b'), reason: 'nacked', detail: 'too odd', receiveCount: 2 },
  ])
  t.equal(forwarder.health.state, 'forwarding', 'the receiver works')
  t.same(lines, Array(2).fill('warn: An event was refused'))
})
