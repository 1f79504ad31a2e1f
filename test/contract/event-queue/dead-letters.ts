import type { Test } from 'tap'
import { DEFAULT, LEASE_MS, lease, namesOf, receiptsOf, show } from '../leasing.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { idOf, NOON } from '../submissions.ts'

/** Opens a queue in which one nack makes a dead letter, and makes one for each of `names`, in order. */
export async function withDead(t: Test, open: OpenStores, names: string) {
  const stores = await start(t, open, { maxReceives: 1 })
  await show(stores.queue, names)
  for (const { receipt } of await lease(stores.queue)) {
    await stores.queue.nack([receipt], 0)
    stores.clock.advance(1)
  }
  return stores
}

/** How dead letters are listed and removed. */
export async function deadPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('without dead letters the page is empty and the last', async (t) => {
    const { queue } = await start(t, open)
    t.same(await queue.dead(DEFAULT, 10), { items: [], next: null })
  })

  t.test('the last to die comes first, page by page, and only a further letter makes a further page', async (t) => {
    const { queue } = await withDead(t, open, 'abcd')
    const first = await queue.dead(DEFAULT, 2)
    t.equal(namesOf(first.items), 'dc')
    t.type(first.next, 'number')
    const second = await queue.dead(DEFAULT, 2, first.next ?? 0)
    t.equal(namesOf(second.items), 'ba')
    t.equal(second.next, null)
    t.same((await queue.dead(DEFAULT, 4)).next, null)
  })

  t.test('a page begins where the last one ended, whatever has died or gone meanwhile', async (t) => {
    const { queue } = await withDead(t, open, 'abcd')
    const { next } = await queue.dead(DEFAULT, 2)
    await queue.removeDead(DEFAULT, idOf('c'))
    await show(queue, 'e')
    await queue.nack(receiptsOf(await lease(queue)), 0)
    t.equal(namesOf((await queue.dead(DEFAULT, 2, next ?? 0)).items), 'ba')
  })

  t.test('a cursor never shows a letter that died after it was given, however many were removed before', async (t) => {
    const { queue } = await withDead(t, open, 'abcd')
    const { next } = await queue.dead(DEFAULT, 2)
    for (const name of 'abcd') await queue.removeDead(DEFAULT, idOf(name))
    await show(queue, 'e')
    await queue.nack(receiptsOf(await lease(queue)), 0)
    t.equal(namesOf((await queue.dead(DEFAULT, 2, next ?? 0)).items), '')
    t.equal(namesOf((await queue.dead(DEFAULT, 2)).items), 'e')
  })

  t.test('leases that end together unnoticed die in the order of their ends', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 1 })
    await show(queue, 'ab')
    await lease(queue, 1, 5000)
    await lease(queue, 1, 3000)
    clock.advance(9000)
    const { items } = await queue.dead(DEFAULT, 10)
    t.match(items, [
      { id: idOf('a'), diedAt: NOON + 5000 },
      { id: idOf('b'), diedAt: NOON + 3000 },
    ])
  })

  t.test('a removed dead letter is gone, and cannot be removed again', async (t) => {
    const { queue } = await withDead(t, open, 'ab')
    t.equal(await queue.removeDead(DEFAULT, idOf('a').toUpperCase()), false, 'an id is exact')
    t.equal(await queue.removeDead(DEFAULT, `${idOf('a')}-`), false, 'to its end')
    t.equal(await queue.redrive(DEFAULT, [`${idOf('a')}00`]), 0)
    t.equal(await queue.removeDead(DEFAULT, idOf('a')), true)
    t.equal(await queue.removeDead(DEFAULT, idOf('a')), false)
    t.equal(await queue.redrive(DEFAULT, [idOf('a')]), 0)
    t.equal(namesOf((await queue.dead(DEFAULT, 10)).items), 'b')
  })

  t.test('removeDead removes dead letters only', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'ab')
    await lease(queue, 1)
    t.equal(await queue.removeDead(DEFAULT, idOf('a')), false)
    t.equal(await queue.removeDead(DEFAULT, idOf('b')), false)
    t.match(await queue.stats(DEFAULT), { ready: 1, leased: 1 })
  })

  t.test('a dead letter has the detail of its last nack', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 2 })
    await show(queue, 'abc')
    const told = 'no such customer: \u8349 \u{1f339} "\\\u2028'.padEnd(500, 'x')
    await queue.nack(receiptsOf(await lease(queue)), 0, 'first')
    const [a = '', b = ''] = receiptsOf(await lease(queue))
    await queue.nack([a, a], 0, told)
    await queue.nack([b], 60_000, 'no')
    clock.advance(LEASE_MS)
    t.match((await queue.dead(DEFAULT, 10)).items, [
      { id: idOf('c'), reason: 'expired', detail: 'first' },
      { id: idOf('b'), reason: 'nacked', detail: 'no' },
      { id: idOf('a'), reason: 'nacked', detail: told },
    ])
  })

  t.test('a dead letter whose nack had no detail has none', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 1 })
    await show(queue, 'ab')
    const [a = ''] = receiptsOf(await lease(queue))
    await queue.nack([a], 0)
    clock.advance(LEASE_MS)
    const { items } = await queue.dead(DEFAULT, 10)
    t.same(
      items.map(({ detail }) => detail),
      [null, null],
    )
  })
}
