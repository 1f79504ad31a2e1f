import type { Test } from 'tap'
import type { EventQueue, LogPlace } from '../../../src/stores/ports.ts'
import { DEFAULT, LEASE_MS, lease, leaseIn, namesOf, readIn, receiptsOf, show } from '../leasing.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { events, idOf, NOON } from '../submissions.ts'

/** Appends events a to f, a second between any two. */
async function showTimed(queue: EventQueue): Promise<void> {
  for (const [n, name] of [...'abcdef'].entries()) await queue.release(name, events(name, NOON + n * 1000))
}

/**
 * Brings events a to f into every possible state: a leased, b returned, c delayed, d redriven after its death, e dead,
 * f not yet read.
 * @returns the receipts of the current leases
 */
async function withAll(t: Test, open: OpenStores) {
  const stores = await start(t, open, { maxReceives: 2 })
  const { queue } = stores
  await showTimed(queue)
  const first = receiptsOf(await lease(queue, 5))
  await queue.nack(first.slice(3), 0)
  await queue.nack(receiptsOf(await lease(queue, 2)), 0)
  const [a = '', b = '', c = ''] = first
  await queue.nack([b], 0)
  await queue.nack([c], 60_000)
  await queue.redrive(DEFAULT, [idOf('d')])
  t.match(await queue.stats(DEFAULT), { ready: 3, leased: 1, delayed: 1, dead: 1 })
  return { ...stores, leased: [a] }
}

/** Where a subscription can be moved. */
export async function seekPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a subscription continues at the place it was moved to', async (t) => {
    const { queue, clock } = await start(t, open)
    await showTimed(queue)
    clock.advance(10_000)
    const places: [LogPlace, string][] = [
      ['start', 'abcdef'],
      ['end', ''],
      [NOON + 2000, 'cdef'],
      [NOON + 2001, 'def'],
      [NOON - 1, 'abcdef'],
      [NOON + 5001, ''],
      [NOON + 1e9, ''],
      ['start', 'abcdef'],
    ]
    for (const [to, names] of places) {
      await queue.seek(DEFAULT, to)
      t.match(await queue.stats(DEFAULT), { ready: names.length, leased: 0 })
      t.equal(await readIn(queue, DEFAULT), names, `${to}`)
    }
    await queue.release('late', events('g', NOON - 5000))
    t.equal(await readIn(queue, DEFAULT), 'g', 'what comes later is read in any case')
    await queue.seek(DEFAULT, NOON + 5000)
    t.equal(await readIn(queue, DEFAULT), 'fg')
  })

  for (const to of ['start', 'end'] as const) {
    t.test(`all that is leased, delayed, given back or redriven is dropped by a move to the ${to}`, async (t) => {
      const { queue, clock, leased } = await withAll(t, open)
      await queue.seek(DEFAULT, to)
      const ready = to === 'start' ? 6 : 0
      t.match(await queue.stats(DEFAULT), { ready, leased: 0, delayed: 0 })
      t.same(await queue.ack(leased), { accepted: 0, stale: leased })
      clock.advance(60_000)
      t.equal(await readIn(queue, DEFAULT), 'abcdef'.slice(6 - ready), 'each once, and nothing comes back')
    })
  }

  t.test('dead letters before the new place stay, those behind it are dropped', async (t) => {
    const { queue } = await start(t, open, { maxReceives: 1 })
    await showTimed(queue)
    for (const receipt of receiptsOf(await lease(queue))) await queue.nack([receipt], 0)
    await queue.seek(DEFAULT, NOON + 3000)
    t.equal(namesOf((await queue.dead(DEFAULT, 10)).items), 'cba')
    t.match(await queue.stats(DEFAULT), { ready: 3, dead: 3 })
    await queue.seek(DEFAULT, 'end')
    t.equal(namesOf((await queue.dead(DEFAULT, 10)).items), 'cba')
    t.equal(await queue.redrive(DEFAULT, [idOf('b')]), 1)
    t.equal(namesOf(await lease(queue)), 'b')
    await queue.seek(DEFAULT, 'start')
    t.match(await queue.stats(DEFAULT), { ready: 6, dead: 0 })
  })

  t.test('an event whose last lease has ended is a dead letter, though nobody has asked since', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 1 })
    await show(queue, 'a')
    await lease(queue)
    clock.advance(LEASE_MS)
    await queue.seek(DEFAULT, 'end')
    t.equal(namesOf((await queue.dead(DEFAULT, 10)).items), 'a')
  })

  t.test('events that are delivered again after a seek count their leases from one', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'a')
    for (let round = 0; round < 3; round++) await queue.nack(receiptsOf(await lease(queue)), 0)
    await queue.seek(DEFAULT, 'start')
    t.match(await lease(queue), [{ id: idOf('a'), receiveCount: 1 }])
  })

  t.test('a receipt from before a seek does not affect leases from after it', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'a')
    const old = receiptsOf(await lease(queue))
    await queue.seek(DEFAULT, 'start')
    const current = receiptsOf(await lease(queue))
    t.same(await queue.ack(old), { accepted: 0, stale: old })
    t.same(await queue.nack(old, 0), { accepted: 0, stale: old })
    t.same(await queue.putBack(old), { accepted: 0, stale: old })
    t.same(await queue.extend(old, LEASE_MS), { accepted: 0, stale: old, leasedUntil: null })
    t.same(await queue.ack(current), { accepted: 1, stale: [] })
  })

  t.test('other subscriptions are not moved', async (t) => {
    const { queue } = await start(t, open)
    await queue.subscribe('x', 'start')
    await show(queue, 'ab')
    const receipts = receiptsOf(await leaseIn(queue, 'x', 1))
    await queue.seek(DEFAULT, 'end')
    await queue.seek(DEFAULT, 'start')
    t.same(await queue.ack(receipts), { accepted: 1, stale: [] })
    t.equal(await readIn(queue, 'x'), 'b')
  })

  t.test('listeners are called after a seek', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'a')
    await readIn(queue, DEFAULT)
    let told = 0
    t.teardown(queue.onReady(() => told++))
    await queue.seek(DEFAULT, 'start')
    t.equal(told, 1)
  })
}
