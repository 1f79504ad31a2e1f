import { setImmediate as settle } from 'node:timers/promises'
import { test } from 'tap'
import type { Cleanup } from '../../src/stores/ports.ts'
import { errorOf, formula, startService } from '../support/http/service.ts'
import { TestClock } from '../support/test-clock.ts'
import { memoryStores, unavailable } from './fixtures.ts'

test('without any interrupted rollback no cleanup is owed, and none can be retried', async (t) => {
  const { get, post } = await startService(t)
  t.same((await get('/cleanups')).json(), { cleanups: [] })
  errorOf(t, await post('/cleanups/unknown/retry'), 404, 'CLEANUP_NOT_FOUND')
})

test('cleanups that are owed are listed, and retried when the operator says so', async (t) => {
  const stores = memoryStores()
  const owed: Cleanup = {
    id: 'attempt-1',
    formulaIds: ['0'.repeat(64)],
    reason: 'queue is down',
    attempts: 2,
    createdAt: '2026-01-31T12:00:00.000Z',
    nextAttemptAt: '2026-01-31T12:00:10.000Z',
  }
  stores.cleanups.list = async () => [owed]
  stores.cleanups.retry = async (id) => id === owed.id
  const { get, post } = await startService(t, {}, { stores })
  t.same((await get('/cleanups')).json(), { cleanups: [owed] })
  const retried = await post('/cleanups/attempt-1/retry')
  t.equal(retried.statusCode, 202)
  t.same(retried.json(), { message: 'Cleanup scheduled' })
})

test('the service is alive while it runs, and ready while both stores answer', async (t) => {
  const { get } = await startService(t)
  const live = await get('/health/live')
  t.same([live.statusCode, live.json()], [200, { status: 'ok' }])
  t.equal(live.headers['cache-control'], 'no-store')
  const ready = await get('/health/ready')
  t.same([ready.statusCode, ready.json()], [200, { status: 'ok', db: 'ok', queue: 'ok' }])
})

test('a store that fails or does not answer within two seconds makes the service unready, and is named', async (t) => {
  const clock = new TestClock()
  const stores = memoryStores(clock)
  const { get, submit } = await startService(t, {}, { stores, clock })
  stores.queue.probe = unavailable
  const queue = errorOf(t, await get('/health/ready'), 503, 'STORE_UNAVAILABLE')
  t.match(queue.details, [{ path: 'queue', code: 'STORE_UNAVAILABLE' }])
  stores.db.probe = () => new Promise(() => {})
  // The result is cached for a second.
  clock.advance(1000)
  const asking = get('/health/ready')
  while (clock.waiting === 0) await settle()
  await settle()
  clock.advance(2000)
  const both = errorOf(t, await asking, 503, 'STORE_UNAVAILABLE')
  t.same(
    both.details.map(({ path }) => path),
    ['db', 'queue'],
  )
  t.equal((await get('/health/live')).statusCode, 200)
  t.equal((await submit(formula(1))).statusCode, 200)
})
