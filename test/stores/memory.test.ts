import t from 'tap'
import { openMemory, openMemoryQueue } from '../../src/stores/sqlite/memory.ts'
import { DEFAULT, lease, receiptsOf, show } from '../contract/leasing.ts'
import { DAY_MS, type OpenStores } from '../contract/open-stores.ts'
import { storesContract } from '../contract/stores.ts'
import { formula, manyEvents, submission } from '../contract/submissions.ts'
import { TestClock } from '../support/test-clock.ts'

const open: OpenStores = async (t, options) => {
  const stores = openMemory({ answerTtlMs: DAY_MS, maxReceives: 5, ...options })
  t.teardown(() => stores.close())
  return stores
}

storesContract('memory', open)

t.test('memory: listeners are not called when nothing becomes ready', async (t) => {
  const queue = openMemoryQueue({ clock: new TestClock(), maxReceives: 2 })
  await show(queue, 'ab')
  const [a = '', b = ''] = receiptsOf(await lease(queue))
  queue.onReady(() => t.fail('told for nothing'))
  await queue.release('of-ab', [])
  await queue.release('empty', [])
  await queue.nack(['x'], 0)
  await queue.ack([a, b])
  await queue.redrive(DEFAULT)
})

t.test('memory: the identity of the queue is memory', async (t) => {
  const clock = new TestClock()
  t.equal(await openMemoryQueue({ clock, maxReceives: 5 }).identity(), 'memory')
})

t.test('memory: tombstones are swept once answers as old would have expired', async (t) => {
  const clock = new TestClock()
  const { intake, db, idempotency } = openMemory({ clock, answerTtlMs: 1000, maxReceives: 5 })
  const [first, second] = [submission([formula('a', '1')]), submission([formula('b', '2')])]
  await intake.giveUp(first.id)
  await db.abandon('2', 'failed')
  clock.advance(1001)
  await idempotency.sweep(10)
  t.match(await intake.accept(first), { kind: 'answered' })
  t.match(await db.add('2', second), { kind: 'added' })
})

t.test('memory: receiving and acking do not slow down with a backlog of 40,000 events', async (t) => {
  const { queue } = openMemory({ clock: new TestClock(), answerTtlMs: DAY_MS, maxReceives: 5 })
  const events = manyEvents(40_000)
  await queue.release('many', events)
  const begun = performance.now()
  for (let left = events.length; left > 0; left -= 100) {
    const leased = await lease(queue, 100)
    await queue.stats(DEFAULT)
    await queue.ack(receiptsOf(leased))
  }
  t.ok(performance.now() - begun < 10_000, 'no operation walks through the backlog')
  t.match(await queue.stats(DEFAULT), { ready: 0, leased: 0 })
})
