import type { Test } from 'tap'
import type { EventQueue } from '../../../src/stores/ports.ts'
import { DEFAULT, LEASE_MS, lease, namesOf, receiptsOf, show } from '../leasing.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { events, idOf, seqOf } from '../submissions.ts'
import { withDead } from './dead-letters.ts'

const redrive = (queue: EventQueue, names: string): Promise<number> => queue.redrive(DEFAULT, [...names].map(idOf))

/** Leases all ready events, `max` at a time. */
async function leaseAll(queue: EventQueue, max: number): Promise<string> {
  let names = ''
  for (let batch = await lease(queue, max); batch.length > 0; batch = await lease(queue, max)) names += namesOf(batch)
  return names
}

/** How dead letters are redriven. */
export async function redrivePromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a redriven event joins the back, its count starting over', async (t) => {
    const { queue } = await withDead(t, open, 'a')
    await show(queue, 'b')
    t.equal(await redrive(queue, 'a'), 1)
    const leased = await lease(queue)
    t.match(leased, [{ id: idOf('b') }, { ...events('a')[0], receiveCount: 1 }])
    t.match(await queue.stats(DEFAULT), { leased: 2, dead: 0 })
    await queue.nack(receiptsOf(leased), 0)
    t.match((await queue.dead(DEFAULT, 10)).items, [{ id: idOf('a'), receiveCount: 1 }, { id: idOf('b') }])
  })

  t.test('without ids all of them are redriven, the first to die in front', async (t) => {
    const { queue } = await withDead(t, open, 'abc')
    t.equal(await queue.redrive(DEFAULT), 3)
    t.equal(namesOf(await lease(queue)), 'abc')
    t.equal(await queue.redrive(DEFAULT), 0)
  })

  t.test('an empty list redrives none, and unknown or repeated ids count for nothing', async (t) => {
    const { queue } = await withDead(t, open, 'abc')
    t.equal(await queue.redrive(DEFAULT, []), 0)
    t.equal(await redrive(queue, 'bxb'), 1)
    t.equal(namesOf(await lease(queue)), 'b')
    t.equal(namesOf((await queue.dead(DEFAULT, 10)).items), 'ca')
  })

  for (const max of [1, 2, 100]) {
    t.test(`a redriven event comes after older events and before later ones, leased ${max} at a time`, async (t) => {
      const { queue } = await withDead(t, open, 'abc')
      await show(queue, 'de')
      t.equal(await redrive(queue, 'b'), 1)
      await show(queue, 'fg')
      t.equal(await redrive(queue, 'ca'), 2)
      await show(queue, 'h')
      t.match(await queue.stats(DEFAULT), { ready: 8, dead: 0 })
      t.equal(await leaseAll(queue, max), 'debfgach')
      t.match(await queue.stats(DEFAULT), { ready: 0, leased: 8 })
    })
  }

  t.test('those redriven together go in the order of their deaths, also when they died again', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 1 })
    await show(queue, 'abc')
    const [a = '', b = '', c = ''] = receiptsOf(await lease(queue))
    for (const receipt of [c, a, b]) await queue.nack([receipt], 0)
    await redrive(queue, 'abc')
    t.equal(await leaseAll(queue, 1), 'cab')
    clock.advance(LEASE_MS)
    await queue.redrive(DEFAULT)
    const again = await lease(queue)
    t.equal(namesOf(again).length, 3)
    for (const { receipt } of again.toReversed()) await queue.nack([receipt], 0)
    await redrive(queue, 'a')
    await queue.redrive(DEFAULT)
    const rest = namesOf(again).replace('a', '')
    t.equal(await leaseAll(queue, 1), `a${[...rest].reverse().join('')}`)
  })

  t.test('returned events come before redriven ones', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 2 })
    await show(queue, 'ab')
    for (let round = 0; round < 2; round++) await queue.nack(receiptsOf(await lease(queue, 1)), 0)
    const [b = ''] = receiptsOf(await lease(queue))
    await queue.redrive(DEFAULT)
    await queue.nack([b], 1000)
    clock.advance(1000)
    t.equal(await leaseAll(queue, 1), 'ba')
  })

  t.test('a redriven event that was leased returns like any other', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 2 })
    await show(queue, 'ab')
    for (let round = 0; round < 2; round++) await queue.nack(receiptsOf(await lease(queue, 1)), 0)
    await queue.redrive(DEFAULT)
    await lease(queue)
    await show(queue, 'c')
    t.equal(await queue.endLeases(DEFAULT, [idOf('a')]), 1)
    t.match(await lease(queue, 1), [{ id: idOf('a'), receiveCount: 1 }])
    clock.advance(LEASE_MS)
    t.match(await lease(queue), [
      { id: idOf('a'), receiveCount: 2 },
      { id: idOf('b'), receiveCount: 2 },
      { id: idOf('c'), receiveCount: 1 },
    ])
  })

  t.test('erased events do not hold up a redriven event', async (t) => {
    const { queue } = await withDead(t, open, 'ab')
    await show(queue, 'cd')
    await redrive(queue, 'a')
    for (const name of 'cd') await queue.erase(idOf(name), seqOf(name))
    await redrive(queue, 'b')
    t.match(await queue.stats(DEFAULT), { ready: 2 })
    await show(queue, 'e')
    t.equal(await leaseAll(queue, 2), 'abe')
  })

  t.test('the age of the oldest ready event covers redriven ones', async (t) => {
    const { queue, clock } = await withDead(t, open, 'a')
    await queue.redrive(DEFAULT)
    clock.advance(5999)
    t.match(await queue.stats(DEFAULT), { ready: 1, oldestReadyAgeSeconds: 6 })
  })

  t.test('an id stands for all dead letters of that id', async (t) => {
    const { queue } = await start(t, open, { maxReceives: 1 })
    const [first] = events('a')
    for (const seq of [1, 2, 3]) await queue.release(`${seq}`, [{ ...first, seq } as typeof first & object])
    for (const receipt of receiptsOf(await lease(queue))) await queue.nack([receipt], 0)
    t.equal(await redrive(queue, 'a'), 3)
    const leased = await lease(queue)
    t.same(
      leased.map(({ seq }) => seq),
      [1, 2, 3],
    )
    await queue.nack(receiptsOf(leased), 0)
    t.equal(await queue.removeDead(DEFAULT, idOf('a')), true)
    t.match(await queue.stats(DEFAULT), { ready: 0, dead: 0 })
  })
}
