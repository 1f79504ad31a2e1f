import type { Test } from 'tap'
import type { EventQueue, FormulaEvent } from '../../src/stores/ports.ts'
import { LEASE_MS, lease, receiptsOf } from './leasing.ts'
import { type OpenStores, start } from './open-stores.ts'
import { events, TRACEPARENT } from './submissions.ts'

/** One event of a submission that is traced, and one of a submission that is not. */
const mixed = (): FormulaEvent[] => [
  ...events('t').map((event) => ({ ...event, traceparent: TRACEPARENT })),
  ...events('u'),
]

/** Leases all that is ready. @returns the traces of the two, and their receipts */
async function leaseMixed(queue: EventQueue) {
  const leased = await lease(queue)
  return { traces: tracesOf(leased), receipts: receiptsOf(leased) }
}

/** The field is not there at all where there is no trace. */
const tracesOf = (list: FormulaEvent[]): unknown[] =>
  list
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((event) => ('traceparent' in event ? event.traceparent : 'absent'))

const TRACES = [TRACEPARENT, 'absent']

/** How an event tells the trace of its submission, wherever it has been. */
export async function tracePromises(t: Test, open: OpenStores): Promise<void> {
  t.test('an event tells the trace of its submission, held or published by its release', async (t) => {
    const { queue } = await start(t, open)
    await queue.publish('1', mixed())
    await queue.release('1', mixed())
    t.same((await leaseMixed(queue)).traces, TRACES)
    await queue.release('lost by the queue', mixed())
    t.same((await leaseMixed(queue)).traces, TRACES)
  })

  t.test('what is held tells its own trace, whatever its release is given', async (t) => {
    const { queue } = await start(t, open)
    await queue.publish('1', mixed())
    await queue.release('1', events('tu'))
    t.same((await leaseMixed(queue)).traces, TRACES)
  })

  t.test('an event that comes back still tells it: nacked, delayed, put back, expired', async (t) => {
    const { queue, clock } = await start(t, open)
    await queue.release('1', mixed())
    const backed = async (how: (receipts: string[]) => Promise<unknown>, message: string): Promise<void> => {
      const { traces, receipts } = await leaseMixed(queue)
      t.same(traces, TRACES, `before it is ${message}`)
      await how(receipts)
    }
    await backed((receipts) => queue.nack(receipts, 0), 'nacked')
    await backed(async (receipts) => {
      await queue.nack(receipts, 1000)
      clock.advance(1000)
    }, 'delayed')
    await backed((receipts) => queue.putBack(receipts), 'put back')
    await backed(async () => clock.advance(LEASE_MS), 'left until its lease ends')
    t.same((await leaseMixed(queue)).traces, TRACES)
  })

  t.test('a dead letter tells it, nacked or expired, and so does the event when it is redriven', async (t) => {
    const { queue, clock } = await start(t, open, { maxReceives: 1 })
    const ids = mixed().map(({ id }) => id)
    await queue.release('1', mixed())
    await queue.nack((await leaseMixed(queue)).receipts, 0)
    t.same(tracesOf((await queue.dead(10)).items), TRACES)
    await queue.redrive(ids)
    t.same((await leaseMixed(queue)).traces, TRACES)
    clock.advance(LEASE_MS)
    t.same(tracesOf((await queue.dead(10)).items), TRACES)
    await queue.redrive()
    t.same((await leaseMixed(queue)).traces, TRACES)
  })
}
