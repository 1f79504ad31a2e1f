import { setImmediate as turn } from 'node:timers/promises'
import { type Test, test } from 'tap'
import type { ReceivedEvent } from '../../src/outbox/message.ts'
import { formula, startService } from '../support/http/service.ts'
import { TestClock } from '../support/test-clock.ts'

const HOUR_MS = 3_600_000
/** More than the service lets pass between two sweeps, in seconds. */
const SWEEP_SECONDS = 12

async function start(t: Test, hours: number) {
  const clock = new TestClock()
  const service = await startService(t, { EVENT_RETENTION_HOURS: String(hours) }, { clock })
  const { post, send, submit } = service
  const receive = async (subscription: string): Promise<ReceivedEvent[]> =>
    (await post('/events/receive', { subscription, max: 100, leaseSeconds: 43_200 })).json().events
  const finish = async (subscription: string): Promise<void> => {
    const receipts = (await receive(subscription)).map(({ receipt }) => receipt)
    await post('/events/ack', { receipts })
  }
  /** Lets the background sweep. @returns how many events are kept, as a new reader finds them */
  const kept = async (): Promise<number> => {
    for (let second = 0; second < SWEEP_SECONDS; second++) {
      clock.advance(1_000)
      for (let turns = 0; turns < 20; turns++) await turn()
    }
    const made = await send({ method: 'PUT', url: '/subscriptions/count', payload: { from: 'start' } })
    await send({ method: 'DELETE', url: '/subscriptions/count' })
    return made.json().ready
  }
  await send({ method: 'PUT', url: '/subscriptions/erp' })
  await submit([formula(1), formula(2)])
  return { ...service, clock, receive, finish, kept }
}

test('an event stays until every subscription is past it and EVENT_RETENTION_HOURS are over', async (t) => {
  const { clock, finish, receive, post, kept } = await start(t, 1)
  await finish('default')
  clock.advance(2 * HOUR_MS)
  t.equal(await kept(), 2, 'one has not begun')
  const leased = await receive('erp')
  t.equal(await kept(), 2, 'one has leased them')
  await post('/events/ack', { receipts: leased.map(({ receipt }) => receipt) })
  t.equal(await kept(), 0)
})

test('an event that all are past stays until the hours are over, and can be received again', async (t) => {
  const { clock, finish, receive, post, kept } = await start(t, 1)
  for (const name of ['default', 'erp']) await finish(name)
  clock.advance(HOUR_MS - 60_000)
  t.equal(await kept(), 2)
  await post('/subscriptions/erp/seek', { to: 'start' })
  t.equal((await receive('erp')).length, 2)
  clock.advance(60_000)
  t.equal(await kept(), 2, 'as long as it holds them')
})

test('with EVENT_RETENTION_HOURS=0 events go once all are past them; a paused subscription keeps them', async (t) => {
  const { finish, post, send, kept } = await start(t, 0)
  await post('/subscriptions/erp/pause')
  await finish('default')
  t.equal(await kept(), 2)
  await send({ method: 'DELETE', url: '/subscriptions/erp' })
  t.equal(await kept(), 0)
})
