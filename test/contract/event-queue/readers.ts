import type { Test } from 'tap'
import { DEFAULT, LEASE_MS, lease, leaseIn, namesOf, readIn, receiptsOf, show } from '../leasing.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { events, idOf, manyEvents } from '../submissions.ts'

/** How several subscriptions read one log. */
export async function readerPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('every subscription gets every event, in its own time', async (t) => {
    const { queue } = await start(t, open)
    for (const name of ['x', 'y']) await queue.subscribe(name, 'start')
    await show(queue, 'ab')
    t.equal(await readIn(queue, 'x'), 'ab')
    await show(queue, 'cd')
    t.equal(await readIn(queue, 'y'), 'abcd')
    t.equal(await readIn(queue, 'x'), 'cd')
    t.equal(await readIn(queue, DEFAULT), 'abcd')
  })

  t.test('receiveCount is separate for each subscription', async (t) => {
    const { queue } = await start(t, open)
    await queue.subscribe('x', 'start')
    await show(queue, 'a')
    for (let round = 0; round < 3; round++) await queue.nack(receiptsOf(await leaseIn(queue, 'x')), 0)
    t.match(await leaseIn(queue, 'x'), [{ ...events('a')[0], receiveCount: 4 }])
    t.match(await lease(queue), [{ ...events('a')[0], receiveCount: 1 }])
  })

  t.test('a receipt settles nothing in another subscription', async (t) => {
    const { queue } = await start(t, open)
    await queue.subscribe('x', 'start')
    await show(queue, 'ab')
    const [[a = '', b = ''], others] = [receiptsOf(await lease(queue)), receiptsOf(await leaseIn(queue, 'x'))]
    t.equal(new Set([a, b, ...others]).size, 4)
    t.ok([a, b, ...others].every((receipt) => receipt.length <= 200))
    t.same(await queue.ack([a]), { accepted: 1, stale: [] })
    t.same(await queue.nack([b], 0), { accepted: 1, stale: [] })
    t.match(await queue.stats('x'), { ready: 0, leased: 2 })
    t.match(await queue.stats(DEFAULT), { ready: 1, leased: 0 })
    t.same(await queue.ack([a, ...others]), { accepted: 2, stale: [a] })
  })

  t.test('receipts of several subscriptions can be settled in one call', async (t) => {
    const { queue, clock } = await start(t, open)
    await queue.subscribe('x', 'start')
    await show(queue, 'abcd')
    const mixed = [...(await lease(queue)), ...(await leaseIn(queue, 'x'))]
    const of = (name: string) => receiptsOf(mixed.filter(({ id }) => id === idOf(name)))
    t.match(await queue.extend(of('a'), 2 * LEASE_MS), { accepted: 2, stale: [] })
    t.same(await queue.ack(of('b')), { accepted: 2, stale: [] })
    t.same(await queue.nack(of('c'), 1000), { accepted: 2, stale: [] })
    t.same(await queue.putBack(of('d')), { accepted: 2, stale: [] })
    for (const name of [DEFAULT, 'x']) {
      t.match(await queue.stats(name), { ready: 1, leased: 1, delayed: 1 })
    }
    clock.advance(LEASE_MS)
    for (const name of [DEFAULT, 'x']) t.equal(namesOf(await leaseIn(queue, name)), 'cd')
  })

  t.test('a dead letter belongs to one subscription, and is redriven there alone', async (t) => {
    const { queue } = await start(t, open, { maxReceives: 1 })
    await queue.subscribe('x', 'start')
    await show(queue, 'a')
    await queue.nack(receiptsOf(await leaseIn(queue, 'x')), 0)
    t.same(await queue.dead(DEFAULT, 10), { items: [], next: null })
    t.equal(await queue.redrive(DEFAULT), 0)
    t.equal(await queue.redrive(DEFAULT, [idOf('a')]), 0)
    t.equal(await queue.removeDead(DEFAULT, idOf('a')), false)
    t.equal(namesOf((await queue.dead('x', 10)).items), 'a')
    t.equal(await queue.redrive('x'), 1)
    t.equal(namesOf(await leaseIn(queue, 'x')), 'a')
    t.equal(namesOf(await lease(queue)), 'a')
  })

  t.test('leases are ended in one subscription alone', async (t) => {
    const { queue } = await start(t, open)
    await queue.subscribe('x', 'start')
    await show(queue, 'a')
    const receipts = receiptsOf(await lease(queue))
    await leaseIn(queue, 'x')
    t.equal(await queue.endLeases('x', [idOf('a')]), 1)
    t.match(await queue.stats('x'), { ready: 1, leased: 0 })
    t.same(await queue.ack(receipts), { accepted: 1, stale: [] })
  })

  t.test('a new subscription does not affect the others', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'abc')
    const [a = ''] = receiptsOf(await lease(queue, 1))
    const before = await queue.stats(DEFAULT)
    for (const from of ['start', 'end'] as const) await queue.subscribe(`x-${from}`, from)
    t.same(await queue.stats(DEFAULT), before)
    t.same(await queue.ack([a]), { accepted: 1, stale: [] })
    t.equal(await readIn(queue, DEFAULT), 'bc')
    t.equal(await readIn(queue, 'x-start'), 'abc')
  })

  t.test('subscriptions that are read at once, by several readers each, get each event once', async (t) => {
    const { queue } = await start(t, open)
    const names = [DEFAULT, 'x', 'y']
    for (const name of names.slice(1)) await queue.subscribe(name, 'start')
    const seen = new Map(names.map((name) => [name, [] as number[]]))
    const read = async (name: string): Promise<void> => {
      for (let empty = 0; empty < 3; ) {
        const batch = await leaseIn(queue, name, 7)
        seen.get(name)?.push(...batch.map(({ seq }) => seq as number))
        await queue.ack(receiptsOf(batch))
        empty = batch.length === 0 ? empty + 1 : 0
      }
    }
    const all = manyEvents(200)
    await queue.release('1', all.slice(0, 50))
    const readers = names.flatMap((name) => [read(name), read(name)])
    for (let from = 50; from < 200; from += 10) await queue.release(`${from}`, all.slice(from, from + 10))
    await Promise.all(readers)
    await Promise.all(names.map(read))
    for (const name of names) {
      const expected = all.map(({ seq }) => seq)
      t.same(
        seen.get(name)?.toSorted((a, b) => a - b),
        expected,
        name,
      )
    }
  })
}
