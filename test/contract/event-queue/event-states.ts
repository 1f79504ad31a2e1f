import type { Test } from 'tap'
import type { EventQueue, EventState } from '../../../src/stores/ports.ts'
import { DEFAULT, LEASE_MS, lease, leaseIn, namesOf, readIn, receiptsOf, show } from '../leasing.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { events, idOf, manyEvents, NOON, seqOf } from '../submissions.ts'
import { withDead } from './dead-letters.ts'
import { allEvents } from './reference-queue.ts'

/** The names of the events in a state, read in pages of `limit`. */
const namesIn = async (queue: EventQueue, state: EventState, limit = 2): Promise<string> =>
  namesOf(await allEvents(queue, DEFAULT, state, limit))

/** The events of a subscription in one state. */
export async function eventListPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('without events every state is one empty page', async (t) => {
    const { queue } = await start(t, open)
    for (const state of ['ready', 'leased', 'delayed'] as const) {
      t.same(await queue.events(DEFAULT, state, 10), { items: [], next: null })
    }
    await t.rejects(queue.events('none', 'ready', 10), { name: 'UnknownSubscription' })
  })

  for (const limit of [1, 2, 3, 200]) {
    t.test(`ready events are in the order in which they are handed out, ${limit} a page`, async (t) => {
      const { queue } = await withDead(t, open, 'abc')
      await show(queue, 'de')
      await queue.redrive(DEFAULT, [idOf('b')])
      await show(queue, 'fg')
      await queue.redrive(DEFAULT)
      await show(queue, 'h')
      await queue.putBack(receiptsOf(await lease(queue, 2)))
      const listed = await allEvents(queue, DEFAULT, 'ready', limit)
      t.equal(namesOf(listed), 'debfgach')
      t.match(listed[0], { ...events('d')[0], receiveCount: 0, dueAt: null })
      t.equal(namesOf(await lease(queue)), 'debfgach')
    })
  }

  t.test('leased and delayed events come by when that ends, those of one time in the order of the log', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'abcdefg')
    await queue.nack(receiptsOf(await lease(queue, 3)).reverse(), 7000)
    await lease(queue, 1, 9000)
    const [e = ''] = receiptsOf(await lease(queue, 2, 5000))
    await queue.nack([e], 1000)
    await lease(queue, 1, 1000)
    for (const limit of [1, 2, 200]) {
      t.match(
        (await allEvents(queue, DEFAULT, 'leased', limit)).map(({ id, receiveCount, dueAt }) => [
          id,
          receiveCount,
          dueAt,
        ]),
        [
          [idOf('g'), 1, NOON + 1000],
          [idOf('f'), 1, NOON + 5000],
          [idOf('d'), 1, NOON + 9000],
        ],
      )
      const delayed = await allEvents(queue, DEFAULT, 'delayed', limit)
      t.equal(namesOf(delayed), 'eabc')
      t.match(delayed[0], { ...events('e')[0], receiveCount: 1, dueAt: NOON + 1000 })
    }
  })

  t.test('ended leases and delays are listed as ready, as they are counted', async (t) => {
    const { queue, clock } = await start(t, open)
    await show(queue, 'abcd')
    await queue.nack(receiptsOf(await lease(queue, 1)), 2000)
    await lease(queue, 2, 1000)
    clock.advance(1000)
    t.equal(await namesIn(queue, 'ready'), 'bcd')
    t.equal(await namesIn(queue, 'leased'), '')
    clock.advance(1000)
    t.match(await queue.events(DEFAULT, 'ready', 1), { items: [{ id: idOf('a'), receiveCount: 1, dueAt: null }] })
    t.match(await queue.stats(DEFAULT), { ready: 4, leased: 0, delayed: 0 })
  })

  t.test('a last lease that ended is in no list', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 1 })
    await show(queue, 'a')
    await lease(queue)
    clock.advance(LEASE_MS)
    t.equal((await namesIn(queue, 'leased')) + (await namesIn(queue, 'ready')), '')
  })

  t.test('a paused subscription shows the same', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'abcd')
    const [a = '', b = ''] = receiptsOf(await lease(queue, 3))
    await queue.nack([a], 0)
    await queue.nack([b], 1000)
    await queue.pause(DEFAULT, true)
    t.equal(await namesIn(queue, 'ready'), 'ad')
    t.equal(await namesIn(queue, 'leased'), 'c')
    t.equal(await namesIn(queue, 'delayed'), 'b')
  })

  t.test('after a seek all events from the new position on are ready, and no others', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'abc')
    await queue.nack(receiptsOf(await lease(queue, 2)), 1000)
    await lease(queue)
    await queue.seek(DEFAULT, 'start')
    t.equal(await namesIn(queue, 'ready'), 'abc')
    await queue.seek(DEFAULT, 'end')
    for (const state of ['ready', 'leased', 'delayed'] as const) t.equal(await namesIn(queue, state), '')
  })

  t.test('erased events are passed over, many of them in one page', async (t) => {
    const { queue } = await start(t, open)
    const all = manyEvents(503)
    await queue.release('many', all)
    for (const { id, seq } of all.slice(1, 501)) await queue.erase(id, seq as number)
    const { items, next } = await queue.events(DEFAULT, 'ready', 2)
    t.same([items.map(({ seq }) => seq), typeof next], [[1, 502], 'object'])
    await lease(queue, 1)
    await queue.erase(idOf('1'), 1)
    t.equal(await namesIn(queue, 'leased'), '')
  })

  t.test('events that are redriven after they were trimmed are listed from their copies', async (t) => {
    const { queue } = await withDead(t, open, 'ab')
    t.equal(await queue.trim(NOON + 1000, 10), 2)
    await queue.redrive(DEFAULT, [idOf('b')])
    await queue.redrive(DEFAULT, [idOf('a')])
    t.equal(await namesIn(queue, 'ready'), 'ba')
    await queue.putBack(receiptsOf(await lease(queue)))
    t.equal(await namesIn(queue, 'ready', 1), 'ab')
    await lease(queue)
    t.match(await allEvents(queue, DEFAULT, 'leased', 1), [events('a')[0], events('b')[0]])
  })

  t.test('a page begins where the last one ended, and shows no event a second time', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'abcdefgh')
    await queue.putBack(receiptsOf(await lease(queue, 2)))
    const first = await queue.events(DEFAULT, 'ready', 4)
    t.equal(namesOf(first.items), 'abcd')
    await queue.ack(receiptsOf(await lease(queue, 3)))
    await queue.nack(receiptsOf(await lease(queue, 2)), 0)
    await show(queue, 'i')
    t.equal(namesOf((await queue.events(DEFAULT, 'ready', 10, first.next ?? [])).items), 'fghi')
  })

  t.test('each subscription has its own', async (t) => {
    const { queue } = await start(t, open)
    await queue.subscribe('x', 'start')
    await show(queue, 'ab')
    await leaseIn(queue, 'x', 1)
    t.equal(await namesIn(queue, 'ready'), 'ab')
    t.equal(namesOf((await queue.events('x', 'ready', 10)).items), 'b')
    t.equal(namesOf((await queue.events('x', 'leased', 10)).items), 'a')
  })
}

/** Where one event stands in each subscription. */
export async function deliveryPromises(t: Test, open: OpenStores): Promise<void> {
  const none = { diedAt: null, reason: null, detail: null }
  const ready = { state: 'ready', receiveCount: 0, dueAt: null, ...none }
  const done = { state: 'done', receiveCount: null, dueAt: null, ...none }
  const find = (queue: EventQueue, name: string) => queue.deliveries(idOf(name), seqOf(name))

  t.test('an event stands in each subscription where that has brought it, ordered by name', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 2 })
    const names = ['unread', 'leased', 'delayed', 'back', 'dead', 'redriven', 'acked']
    for (const name of names) await queue.subscribe(name, 'start')
    await show(queue, 'ab')
    const receipts = Object.fromEntries(
      await Promise.all(names.slice(1).map(async (name) => [name, receiptsOf(await leaseIn(queue, name, 1))] as const)),
    ) as Record<string, string[]>
    await queue.nack(receipts.delayed ?? [], 2000, 'later')
    await queue.nack(receipts.back ?? [], 0)
    await queue.ack(receipts.acked ?? [])
    for (const name of ['dead', 'redriven']) {
      await queue.nack(receipts[name] ?? [], 0)
      await queue.nack(receiptsOf(await leaseIn(queue, name, 1)), 0, 'no')
    }
    await queue.redrive('redriven')
    await queue.subscribe('late', 'end')
    t.same(await find(queue, 'a'), [
      { subscription: 'acked', ...done },
      { subscription: 'back', ...ready, receiveCount: 1 },
      {
        subscription: 'dead',
        ...none,
        state: 'dead',
        receiveCount: 2,
        dueAt: null,
        diedAt: NOON,
        reason: 'nacked',
        detail: 'no',
      },
      { subscription: DEFAULT, ...ready },
      { subscription: 'delayed', ...none, state: 'delayed', receiveCount: 1, dueAt: NOON + 2000, detail: 'later' },
      { subscription: 'late', ...done },
      { subscription: 'leased', ...none, state: 'leased', receiveCount: 1, dueAt: NOON + LEASE_MS },
      { subscription: 'redriven', ...ready },
      { subscription: 'unread', ...ready },
    ])
    clock.advance(LEASE_MS)
    t.match(
      (await find(queue, 'a')).filter(({ subscription }) => subscription === 'leased' || subscription === 'delayed'),
      [
        { state: 'ready', receiveCount: 1, dueAt: null },
        { state: 'ready', receiveCount: 1, dueAt: null },
      ],
      'as soon as the lease or the delay ends',
    )
  })

  t.test('a subscription that is moved has it ready again, or is past it', async (t) => {
    const { queue } = await start(t, open)
    await show(queue, 'a')
    await lease(queue)
    await queue.seek(DEFAULT, 'end')
    t.same(await find(queue, 'a'), [{ subscription: DEFAULT, ...done }])
    await queue.pause(DEFAULT, true)
    await queue.seek(DEFAULT, 'start')
    t.same(await find(queue, 'a'), [{ subscription: DEFAULT, ...ready }])
  })

  t.test('every subscription is past a trimmed event, apart from those that hold a copy', async (t) => {
    const { queue } = await withDead(t, open, 'ab')
    await queue.subscribe('x', 'end')
    t.equal(await queue.trim(NOON + 1000, 10), 2)
    t.match(await find(queue, 'a'), [
      { state: 'dead', receiveCount: 1 },
      { subscription: 'x', ...done },
    ])
    await queue.redrive(DEFAULT, [idOf('a')])
    t.match(await find(queue, 'a'), [ready, done])
    t.equal(await readIn(queue, DEFAULT), 'a')
    t.match(await find(queue, 'a'), [done, done])
  })

  t.test('a held event is still to come', async (t) => {
    const { queue } = await start(t, open)
    await queue.subscribe('x', 'end')
    await queue.publish('1', events('a'))
    t.match(await find(queue, 'a'), [ready, ready])
    await queue.release('1', events('a'))
    await readIn(queue, 'x')
    t.match(await find(queue, 'a'), [ready, done])
  })

  t.test('an event is found by the sequence number of its formula, also when that is not its position', async (t) => {
    const { queue } = await start(t, open)
    const [event] = events('a')
    for (const seq of [3, 1]) await queue.release(`${seq}`, [{ ...event, seq } as typeof event & object])
    await lease(queue, 1)
    t.match(await queue.deliveries(idOf('a'), 3), [{ state: 'leased' }])
    t.match(await queue.deliveries(idOf('a'), 1), [{ state: 'ready' }])
    t.match(await queue.deliveries(idOf('b'), 1), [{ state: 'done' }])
    await queue.erase(idOf('a'), 3)
    t.match(await queue.deliveries(idOf('a'), 3), [{ state: 'done' }])
  })
}
