import type { Test } from 'tap'
import type { EventQueue, FormulaEvent } from '../../../src/stores/ports.ts'
import { DEFAULT, LEASE_MS, lease, receiptsOf } from '../leasing.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { idOf, NOON } from '../submissions.ts'

/** JSON in an unusual spelling, so that tests notice if it was parsed and serialised again. */
const BODIES = [
  '{ "name" : "b\\u00e9", "n":1.0, "n":2e0 ,"x":[ ] }',
  '{"traceparent":null,"name":"Cafe\u0301 🌹 \u2028 \\"\\\\\\/"}',
  `{"long":"${'\u8349'.repeat(5000)}"}`,
  '{}',
]

const odd = (): FormulaEvent[] => BODIES.map((body, n) => ({ id: idOf(`${n}`), seq: n + 1, createdAt: NOON + n, body }))

const withoutLease = (list: FormulaEvent[]) =>
  list
    .map(({ id, seq, createdAt, body }) => ({ id, seq, createdAt, body }))
    .toSorted((a, b) => a.createdAt - b.createdAt)

/** Leases all ready events. @returns their bodies and their receipts */
async function leaseOdd(queue: EventQueue) {
  const leased = await lease(queue)
  return { events: withoutLease(leased), receipts: receiptsOf(leased) }
}

/** An event keeps its body byte for byte in every state. */
export async function bodyPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('an event has the id, sequence number, time and exact text it was given, held before or not', async (t) => {
    const { queue } = await start(t, open)
    await queue.publish(
      '1',
      odd().map((event) => ({ ...event, seq: null })),
    )
    await queue.release('1', odd())
    t.same((await leaseOdd(queue)).events, odd())
    await queue.release('lost by the queue', odd())
    t.same((await leaseOdd(queue)).events, odd())
  })

  t.test('an event that comes back has the same text: nacked, delayed, put back, ended, expired', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 10 })
    await queue.release('1', odd())
    const backed = async (how: (receipts: string[]) => Promise<unknown>, message: string): Promise<void> => {
      const { events, receipts } = await leaseOdd(queue)
      t.same(events, odd(), `before it is ${message}`)
      await how(receipts)
    }
    await backed((receipts) => queue.nack(receipts, 0), 'nacked')
    await backed(async (receipts) => {
      await queue.nack(receipts, 1000)
      clock.advance(1000)
    }, 'delayed')
    await backed((receipts) => queue.putBack(receipts), 'put back')
    await backed(
      () =>
        queue.endLeases(
          DEFAULT,
          odd().map(({ id }) => id),
        ),
      'ended',
    )
    await backed(async () => clock.advance(LEASE_MS), 'left until its lease ends')
    t.same((await leaseOdd(queue)).events, odd())
  })

  t.test('a dead letter has the same text, nacked or expired, and so does the event when it is redriven', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 1 })
    await queue.release('1', odd())
    await queue.nack((await leaseOdd(queue)).receipts, 0)
    t.same(withoutLease((await queue.dead(DEFAULT, 10)).items), odd())
    await queue.redrive(
      DEFAULT,
      odd().map(({ id }) => id),
    )
    t.same((await leaseOdd(queue)).events, odd())
    clock.advance(LEASE_MS)
    t.same(withoutLease((await queue.dead(DEFAULT, 10)).items), odd())
    await queue.redrive(DEFAULT)
    t.same((await leaseOdd(queue)).events, odd())
  })
}
