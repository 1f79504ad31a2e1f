import type { Test } from 'tap'
import type { EventQueue } from '../../../src/stores/ports.ts'
import { DEFAULT, LEASE_MS, lease, leaseIn, namesOf, readIn, receiptsOf, show } from '../leasing.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { events, idOf, manyEvents, NOON, seqOf } from '../submissions.ts'

const LATER = NOON + 1

/** The content of the log, as read by a subscription from its start. */
async function logOf(queue: EventQueue): Promise<string> {
  await queue.subscribe('reader', 'start')
  const names = await readIn(queue, 'reader')
  await queue.unsubscribe('reader')
  return names
}

/** Makes all ready events dead letters with one nack each. */
async function killAll(queue: EventQueue): Promise<void> {
  for (const receipt of receiptsOf(await lease(queue))) await queue.nack([receipt], 0)
}

/** Which events are trimmed from the front of the log. */
export async function trimPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('events that every subscription is done with are trimmed, up to the limit', async (t) => {
    const { queue } = await start(t, open)
    await queue.subscribe('x', 'start')
    await show(queue, 'abcde')
    for (const name of [DEFAULT, 'x']) await readIn(queue, name)
    t.equal(await queue.trim(LATER, 2), 2)
    t.equal(await logOf(queue), 'cde')
    t.equal(await queue.trim(LATER, 100), 3)
    t.equal(await queue.trim(LATER, 100), 0)
    t.equal(await logOf(queue), '')
  })

  t.test('trimming stops at the first event that is too young, even if later ones are older', async (t) => {
    const { queue } = await start(t, open)
    for (const [name, at] of Object.entries({ a: 10, b: 20, c: 30, d: 15 })) {
      await queue.release(name, events(name, NOON + at))
    }
    await readIn(queue, DEFAULT)
    t.equal(await queue.trim(NOON + 10, 100), 0, 'one of just that time stays')
    t.equal(await queue.trim(NOON + 30, 100), 2)
    t.equal(await logOf(queue), 'cd')
  })

  t.test('an event that one subscription has not read stays, however far the others are', async (t) => {
    const { queue } = await start(t, open)
    for (const name of ['slow', 'paused']) await queue.subscribe(name, 'start')
    await show(queue, 'abcd')
    await queue.pause('paused', true)
    for (const name of [DEFAULT, 'slow']) await readIn(queue, name)
    t.equal(await queue.trim(LATER, 100), 0)
    await queue.unsubscribe('paused')
    await show(queue, 'ef')
    await queue.ack(receiptsOf(await leaseIn(queue, 'slow', 1)))
    await readIn(queue, DEFAULT)
    t.equal(await queue.trim(LATER, 100), 5)
    t.equal(await readIn(queue, 'slow'), 'f')
  })

  t.test('trimming stops at an event that is leased, delayed or returned', async (t) => {
    const { queue, clock } = await start(t, open)
    await show(queue, 'abcd')
    const [a = '', b = '', c = '', d = ''] = receiptsOf(await lease(queue))
    await queue.ack([b, d])
    t.equal(await queue.trim(LATER, 100), 0, 'a is leased')
    await queue.ack([a])
    await queue.nack([c], 1000)
    t.equal(await queue.trim(LATER, 100), 2, 'c is delayed')
    clock.advance(1000)
    t.equal(await queue.trim(LATER, 100), 0, 'c is back')
    t.equal(namesOf(await lease(queue)), 'c')
    clock.advance(LEASE_MS)
    t.equal(await queue.trim(LATER, 100), 0, 'its lease has ended')
    t.equal(await readIn(queue, DEFAULT), 'c')
    t.equal(await queue.trim(LATER, 100), 2)
  })

  t.test('trimming changes neither counts nor order nor places', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'abcdef')
    await queue.ack(receiptsOf(await lease(queue, 2)))
    const [c = ''] = receiptsOf(await lease(queue, 1))
    t.equal(await queue.trim(LATER, 100), 2)
    t.match(await queue.stats(DEFAULT), { ready: 3, leased: 1 })
    await queue.subscribe('x', 'start')
    t.match(await queue.stats('x'), { ready: 4 })
    await queue.nack([c], 0)
    t.equal(await readIn(queue, DEFAULT), 'cdef')
    await queue.seek(DEFAULT, 'start')
    t.equal(await readIn(queue, DEFAULT), 'cdef')
    await queue.seek(DEFAULT, NOON)
    t.equal(await readIn(queue, DEFAULT), 'cdef')
  })

  t.test('a log that was trimmed to its end continues', async (t) => {
    const { queue } = await start(t, open)
    await queue.release('many', manyEvents(300))
    await readIn(queue, DEFAULT)
    t.equal(await queue.trim(LATER, 1000), 300)
    for (const from of ['start', 'end'] as const) await queue.subscribe(from, from)
    for (const name of [DEFAULT, 'start', 'end']) {
      await queue.seek(name, 'start')
      t.match(await queue.stats(name), { ready: 0, oldestReadyAgeSeconds: null })
    }
    await show(queue, 'ab')
    for (const name of [DEFAULT, 'start', 'end']) t.equal(await readIn(queue, name), 'ab', name)
    t.equal(await queue.trim(LATER, 1000), 2)
  })
}

/** What happens to dead letters whose events are trimmed. */
export async function trimmedDeadPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('dead letters do not stop trimming, and do not change by it', async (t) => {
    const { queue } = await start(t, open, { maxReceives: 1 })
    await show(queue, 'abc')
    await killAll(queue)
    const dead = await queue.dead(DEFAULT, 10)
    t.equal(await queue.trim(LATER, 100), 3)
    t.same(await queue.dead(DEFAULT, 10), dead)
    t.equal(await queue.removeDead(DEFAULT, idOf('b')), true)
    t.equal(namesOf((await queue.dead(DEFAULT, 10)).items), 'ca')
  })

  t.test('a dead letter whose event was trimmed can be redriven, leased, given back and acked', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 3 })
    await show(queue, 'a')
    for (let round = 0; round < 3; round++) await killAll(queue)
    t.equal(await queue.trim(LATER, 100), 1)
    const redriven = async (receiveCount: number): Promise<string> => {
      const leased = await lease(queue)
      t.match(leased, [{ ...events('a')[0], receiveCount }])
      return receiptsOf(leased)[0] ?? ''
    }
    await queue.redrive(DEFAULT)
    t.match(await queue.stats(DEFAULT), { ready: 1, dead: 0, oldestReadyAgeSeconds: 0 })
    await queue.putBack([await redriven(1)])
    await queue.endLeases(DEFAULT, [await redriven(1).then(() => idOf('a'))])
    await queue.nack([await redriven(1)], 1000)
    clock.advance(1000)
    await redriven(2)
    clock.advance(LEASE_MS)
    await queue.nack([await redriven(3)], 0, 'again')
    t.match((await queue.dead(DEFAULT, 10)).items, [{ ...events('a')[0], receiveCount: 3, detail: 'again' }])
    await queue.redrive(DEFAULT)
    t.same(await queue.ack([await redriven(1)]), { accepted: 1, stale: [] })
    t.match(await queue.stats(DEFAULT), { ready: 0, leased: 0, dead: 0 })
  })

  t.test('a redriven event does not stop trimming either, and keeps its turn', async (t) => {
    const { queue } = await start(t, open, { maxReceives: 1 })
    await show(queue, 'ab')
    await killAll(queue)
    await show(queue, 'c')
    await queue.redrive(DEFAULT)
    await show(queue, 'd')
    t.equal(await queue.trim(LATER, 100), 2)
    t.match(await queue.stats(DEFAULT), { ready: 4 })
    t.equal(await readIn(queue, DEFAULT), 'cabd')
  })

  t.test('nor does it while it is leased again', async (t) => {
    const { queue } = await start(t, open, { maxReceives: 1 })
    await show(queue, 'ab')
    await killAll(queue)
    await queue.redrive(DEFAULT)
    const [a = '', b = ''] = receiptsOf(await lease(queue))
    t.equal(await queue.trim(LATER, 100), 2)
    t.same(await queue.ack([a, b]), { accepted: 2, stale: [] })
  })

  t.test('a dead letter of one subscription keeps no event in the log', async (t) => {
    const { queue } = await start(t, open, { maxReceives: 1 })
    await queue.subscribe('x', 'start')
    await show(queue, 'a')
    await readIn(queue, 'x')
    await killAll(queue)
    t.equal(await queue.trim(LATER, 100), 1)
    t.match(await queue.stats(DEFAULT), { dead: 1 })
    t.match(await queue.stats('x'), { dead: 0 })
  })

  t.test('erasing removes a dead letter whose event was trimmed', async (t) => {
    const { queue } = await start(t, open, { maxReceives: 1 })
    await show(queue, 'ab')
    await killAll(queue)
    await queue.trim(LATER, 100)
    await queue.redrive(DEFAULT, [idOf('b')])
    for (const name of 'ab') await queue.erase(idOf(name), seqOf(name))
    t.match(await queue.stats(DEFAULT), { ready: 0, dead: 0 })
    t.same(await lease(queue), [])
  })
}
