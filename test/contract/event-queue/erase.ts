import type { Test } from 'tap'
import type { EventQueue } from '../../../src/stores/ports.ts'
import { DEFAULT, LEASE_MS, lease, leaseIn, namesOf, readIn, receiptsOf, show } from '../leasing.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { events, idOf, manyEvents, NOON, seqOf } from '../submissions.ts'

async function erase(queue: EventQueue, names: string): Promise<void> {
  for (const name of names) await queue.erase(idOf(name), seqOf(name))
}

/** What erasing an event removes. */
export async function erasePromises(t: Test, open: OpenStores): Promise<void> {
  t.test('an erased event that nobody has read is skipped, and no longer counted', async (t) => {
    const { queue, clock } = await start(t, open)
    for (const [n, name] of [...'abcdef'].entries()) await queue.release(name, events(name, NOON + n * 1000))
    await erase(queue, 'acd')
    clock.advance(3000)
    t.match(await queue.stats(DEFAULT), { ready: 3, oldestReadyAgeSeconds: 2 })
    t.equal(namesOf(await lease(queue, 2)), 'be')
    await erase(queue, 'f')
    t.match(await queue.stats(DEFAULT), { ready: 0, leased: 2, oldestReadyAgeSeconds: null })
    t.same(await lease(queue), [])
    await show(queue, 'g')
    t.match(await queue.stats(DEFAULT), { ready: 1 })
    t.equal(namesOf(await lease(queue)), 'g')
  })

  t.test('erasing removes deliveries in any state at once, and their receipts are stale', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 2 })
    await show(queue, 'abcdef')
    const first = receiptsOf(await lease(queue))
    await queue.nack(first.slice(3), 0)
    await queue.nack(receiptsOf(await lease(queue)), 0)
    const [a = '', b = '', c = ''] = first
    await queue.nack([b], 0)
    await queue.nack([c], 1000)
    await queue.redrive(DEFAULT, [idOf('d')])
    t.match(await queue.stats(DEFAULT), { ready: 2, leased: 1, delayed: 1, dead: 2 })
    await erase(queue, 'abcde')
    t.match(await queue.stats(DEFAULT), { ready: 0, leased: 0, delayed: 0, dead: 1 })
    t.same(await queue.ack([a]), { accepted: 0, stale: [a] })
    t.same(await queue.nack([a], 0), { accepted: 0, stale: [a] })
    t.equal(await queue.redrive(DEFAULT, [idOf('e')]), 0)
    clock.advance(LEASE_MS)
    t.same(await lease(queue), [])
    t.equal(namesOf((await queue.dead(DEFAULT, 10)).items), 'f')
  })

  t.test('an event is found for erasure even if its position differs from its sequence number', async (t) => {
    const { queue } = await start(t, open)
    for (const [n, name] of [...'abcd'].entries()) {
      const numbered = events(name).map((event) => ({ ...event, seq: [1, 4, 3, 2][n] as number }))
      await queue.release(name, numbered)
    }
    await queue.erase(idOf('a'), 1)
    await queue.erase(idOf('b'), 4)
    await queue.erase(idOf('c'), 4)
    t.equal(namesOf(await lease(queue)), 'cd')
    await queue.erase(idOf('d'), 2)
    t.match(await queue.stats(DEFAULT), { leased: 1 })
  })

  t.test('an erased event is gone from every subscription', async (t) => {
    const { queue } = await start(t, open, { maxReceives: 1 })
    for (const name of ['dead', 'unread']) await queue.subscribe(name, 'start')
    await show(queue, 'ab')
    const [a = '', b = ''] = receiptsOf(await lease(queue))
    await queue.nack(receiptsOf(await leaseIn(queue, 'dead')), 0)
    await erase(queue, 'a')
    t.same(await queue.ack([a, b]), { accepted: 1, stale: [a] })
    t.equal(namesOf((await queue.dead('dead', 10)).items), 'b')
    t.equal(await readIn(queue, 'unread'), 'b')
    await queue.subscribe('later', 'start')
    t.match(await queue.stats('later'), { ready: 1 })
    t.equal(await readIn(queue, 'later'), 'b')
  })

  t.test('erasing needs the id and sequence number of one event, and does nothing without a match', async (t) => {
    const { queue } = await start(t, open, { maxReceives: 1 })
    const [event] = events('a')
    for (const seq of [1, 2]) await queue.release(`${seq}`, [{ ...event, seq } as typeof event & object])
    await show(queue, 'b')
    await queue.erase(idOf('a'), 3)
    await queue.erase(idOf('a'), seqOf('b'))
    await queue.erase(idOf('x'), 1)
    await queue.erase('x', 1)
    await queue.erase(idOf('a'), 1)
    await queue.erase(idOf('a'), 1)
    const leased = await lease(queue)
    t.same(
      leased.map(({ seq }) => seq),
      [2, seqOf('b')],
    )
    await queue.nack(receiptsOf(leased), 0)
    await queue.erase(idOf('a'), 1)
    t.match((await queue.dead(DEFAULT, 10)).items, [{}, {}], 'a formula stored anew keeps its dead letter')
    await queue.erase(idOf('a'), 2)
    t.equal(namesOf((await queue.dead(DEFAULT, 10)).items), 'b')
  })

  t.test('a thousand erased events are skipped in one receive', async (t) => {
    const { queue } = await start(t, open)
    const all = manyEvents(1003)
    await queue.release('many', all)
    for (const { id, seq } of all.slice(2, 1002)) await queue.erase(id, seq as number)
    t.match(await queue.stats(DEFAULT), { ready: 3 })
    const leased = await lease(queue, 3)
    t.same(
      leased.map(({ seq }) => seq),
      [1, 2, 1003],
    )
    t.match(await queue.stats(DEFAULT), { ready: 0, leased: 3 })
  })

  t.test('erased events are trimmed like others, once they were skipped', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'abcd')
    await queue.ack(receiptsOf(await lease(queue, 1)))
    await erase(queue, 'bc')
    t.equal(await readIn(queue, DEFAULT), 'd')
    t.equal(await queue.trim(NOON + 1, 100), 4)
    await show(queue, 'ef')
    await erase(queue, 'ef')
    t.same(await lease(queue), [])
    t.equal(await queue.trim(NOON + 1, 100), 2)
    await show(queue, 'g')
    t.match(await queue.stats(DEFAULT), { ready: 1 })
    t.equal(await readIn(queue, DEFAULT), 'g')
  })

  t.test('erased events are skipped again after a seek', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'abc')
    await readIn(queue, DEFAULT)
    await erase(queue, 'ac')
    for (const to of ['start', NOON] as const) {
      await queue.seek(DEFAULT, to)
      t.match(await queue.stats(DEFAULT), { ready: 1 })
      t.equal(await readIn(queue, DEFAULT), 'b')
    }
  })
}
