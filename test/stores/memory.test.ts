import t from 'tap'
import { openMemory, openMemoryQueue } from '../../src/stores/memory/engine.ts'
import { eventQueueContract } from '../contract/event-queue.ts'
import { lease, receiptsOf, show } from '../contract/leasing.ts'
import { DAY_MS, type OpenStores } from '../contract/open-stores.ts'
import { storesContract } from '../contract/stores.ts'
import { formula, submission } from '../contract/submissions.ts'
import { TestClock } from '../support/test-clock.ts'

const open: OpenStores = async (t, options) => {
  const stores = openMemory({ answerTtlMs: DAY_MS, maxReceives: 5, ...options })
  t.teardown(() => stores.close())
  return stores
}

const openWithQueueAlone: OpenStores = async (t, options) => ({
  ...(await open(t, options)),
  queue: openMemoryQueue({ maxReceives: 5, ...options }),
  intake: null,
})

storesContract('memory', open)
eventQueueContract('memory alone', openWithQueueAlone)

t.test('memory: listeners are not told of what makes nothing ready', async (t) => {
  const queue = openMemoryQueue({ clock: new TestClock(), maxReceives: 2 })
  await show(queue, 'ab')
  const [a = '', b = ''] = receiptsOf(await lease(queue))
  queue.onReady(() => t.fail('told for nothing'))
  await queue.release('of-ab', [])
  await queue.release('empty', [])
  await queue.nack([a], 1)
  await queue.nack(['x'], 0)
  await queue.ack([b])
  await queue.redrive()
})

t.test('memory: its queue says that it is in memory', async (t) => {
  const clock = new TestClock()
  t.equal(await openMemoryQueue({ clock, maxReceives: 5 }).identity(), 'memory')
})

t.test('memory: tombstones older than an answer may be are swept, so that they cannot fill it', async (t) => {
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

t.test('memory: a hundred thousand events are taken in and handed out in no time', async (t) => {
  const clock = new TestClock()
  const { queue } = openMemory({ clock, answerTtlMs: DAY_MS, maxReceives: 5 })
  const createdAt = '2026-01-31T12:00:00.000Z'
  const events = Array.from({ length: 100_000 }, (_, n) => ({ id: `${n}`, name: 'a', createdAt }))
  await queue.release('many', events)
  const begun = performance.now()
  for (let left = events.length; left > 0; left -= 100) {
    const { events } = await queue.receive(100, 1000)
    await queue.stats()
    await queue.ack(events.map(({ receipt }) => receipt))
  }
  t.ok(performance.now() - begun < 10_000, 'no operation walks through the backlog')
  t.match(await queue.stats(), { ready: 0, leased: 0 })
})
