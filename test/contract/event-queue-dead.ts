import type { Test } from 'tap'
import { lease, namesOf, receiptsOf, show } from './leasing.ts'
import { type OpenStores, start } from './open-stores.ts'
import { events, idOf } from './submissions.ts'

/** Opens a queue that lets every event die of one nack, with dead letters, the first of `names` the first to die. */
async function withDead(t: Test, open: OpenStores, names: string) {
  const stores = await start(t, open, { maxReceives: 1 })
  await show(stores.queue, names)
  for (const { receipt } of await lease(stores.queue)) {
    await stores.queue.nack([receipt], 0)
    stores.clock.advance(1)
  }
  return stores
}

/** How dead letters are told and removed. */
export async function deadPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('without dead letters the page is empty and the last', async (t) => {
    const { queue } = await start(t, open)
    t.same(await queue.dead(10), { items: [], next: null })
  })

  t.test('the last to die comes first, page by page, and only a further letter makes a further page', async (t) => {
    const { queue } = await withDead(t, open, 'abcd')
    const first = await queue.dead(2)
    t.equal(namesOf(first.items), 'dc')
    t.type(first.next, 'number')
    const second = await queue.dead(2, first.next ?? 0)
    t.equal(namesOf(second.items), 'ba')
    t.equal(second.next, null)
    t.same((await queue.dead(4)).next, null)
  })

  t.test('a page begins where the last one ended, whatever has died or gone meanwhile', async (t) => {
    const { queue } = await withDead(t, open, 'abcd')
    const { next } = await queue.dead(2)
    await queue.removeDead(idOf('c'))
    await show(queue, 'e')
    await queue.nack(receiptsOf(await lease(queue)), 0)
    t.equal(namesOf((await queue.dead(2, next ?? 0)).items), 'ba')
  })

  t.test('a cursor never shows a letter that died after it was given, however many were removed before', async (t) => {
    const { queue } = await withDead(t, open, 'abcd')
    const { next } = await queue.dead(2)
    for (const name of 'abcd') await queue.removeDead(idOf(name))
    await show(queue, 'e')
    await queue.nack(receiptsOf(await lease(queue)), 0)
    t.equal(namesOf((await queue.dead(2, next ?? 0)).items), '')
    t.equal(namesOf((await queue.dead(2)).items), 'e')
  })

  t.test('leases that end together unnoticed die in the order of their ends', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 1 })
    await show(queue, 'ab')
    await lease(queue, 1, 5000)
    await lease(queue, 1, 3000)
    clock.advance(9000)
    const { items } = await queue.dead(10)
    t.match(items, [
      { name: 'a', diedAt: '2026-01-31T12:00:05.000Z' },
      { name: 'b', diedAt: '2026-01-31T12:00:03.000Z' },
    ])
  })

  t.test('a removed dead letter is gone, and cannot be removed again', async (t) => {
    const { queue } = await withDead(t, open, 'ab')
    t.equal(await queue.removeDead(idOf('a').toUpperCase()), false, 'an id is exact')
    t.equal(await queue.removeDead(`${idOf('a')}-`), false, 'to its end')
    t.equal(await queue.redrive([`${idOf('a')}00`]), 0)
    t.equal(await queue.removeDead(idOf('a')), true)
    t.equal(await queue.removeDead(idOf('a')), false)
    t.equal(await queue.redrive([idOf('a')]), 0)
    t.equal(namesOf((await queue.dead(10)).items), 'b')
  })

  t.test('only dead letters can be removed so', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'ab')
    await lease(queue, 1)
    t.equal(await queue.removeDead(idOf('a')), false)
    t.equal(await queue.removeDead(idOf('b')), false)
    t.match(await queue.stats(), { ready: 1, leased: 1 })
  })
}

/** How dead letters come back. */
export async function redrivePromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a redriven event joins the back, its count starting over', async (t) => {
    const { queue } = await withDead(t, open, 'a')
    await show(queue, 'b')
    t.equal(await queue.redrive([idOf('a')]), 1)
    const leased = await lease(queue)
    t.match(leased, [{ name: 'b' }, { ...events('a')[0], receiveCount: 1 }])
    t.match(await queue.stats(), { leased: 2, dead: 0 })
    await queue.nack(receiptsOf(leased), 0)
    t.match((await queue.dead(10)).items, [{ name: 'a', receiveCount: 1 }, { name: 'b' }])
  })

  t.test('without ids all of them are redriven, the first to die in front', async (t) => {
    const { queue } = await withDead(t, open, 'abc')
    t.equal(await queue.redrive(), 3)
    t.equal(namesOf(await lease(queue)), 'abc')
    t.equal(await queue.redrive(), 0)
  })

  t.test('an empty list redrives none, and unknown or repeated ids count for nothing', async (t) => {
    const { queue } = await withDead(t, open, 'abc')
    t.equal(await queue.redrive([]), 0)
    t.equal(await queue.redrive([idOf('b'), idOf('x'), idOf('b')]), 1)
    t.equal(namesOf(await lease(queue)), 'b')
    t.equal(namesOf((await queue.dead(10)).items), 'ca')
  })
}
