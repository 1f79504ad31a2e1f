import t, { type Test } from 'tap'
import { isoTime } from '../../src/kit/clock.ts'
import type { FormulaDb } from '../../src/stores/ports.ts'
import { type OpenStores, start } from './open-stores.ts'
import { formula, submission } from './submissions.ts'

const HEAD_START_MS = 5000

/**
 * The contract of every queue of pending cleanups.
 * @param orphanAfterMs how long its owner is trusted to be alive, in milliseconds; 0 where one process owns the store
 */
export function cleanupQueueContract(name: string, open: OpenStores, orphanAfterMs = 0): void {
  t.test(`${name} cleanup queue: list`, (t) => listPromises(t, open))
  t.test(`${name} cleanup queue: due work`, (t) => duePromises(t, open))
  t.test(`${name} cleanup queue: postponing`, (t) => postponePromises(t, open))
  t.test(`${name} cleanup queue: orphans`, (t) => orphanPromises(t, open, orphanAfterMs))
}

/** Leaves one pending rollback for each concentration; the attempts are named after them. */
async function owe(db: FormulaDb, ...concentrations: string[]): Promise<void> {
  for (const concentration of concentrations) {
    await db.add(concentration, submission([formula('owed', concentration)]))
    await db.abandon(concentration, `reason ${concentration}`)
  }
}

const idsOf = (list: { id: string }[]): string[] => list.map(({ id }) => id)

async function listPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('an abandoned attempt is listed until it is removed', async (t) => {
    const { db, cleanups, clock } = await start(t, open)
    const list = submission([formula('a', '2'), formula('b', '1')])
    await db.add('1', list)
    t.same(await cleanups.list(10), [], 'nothing is owed while it runs')
    clock.advance(1000)
    await db.abandon('1', 'the queue is down')
    clock.advance(1000)
    await db.abandon('1', 'another reason')
    const owed = {
      id: '1',
      formulaIds: idsOf(list.formulas),
      reason: 'the queue is down',
      attempts: 0,
      createdAt: '2026-01-31T12:00:01.000Z',
      nextAttemptAt: '2026-01-31T12:00:06.000Z',
    }
    t.same(await cleanups.list(10), [owed])
    await db.remove('1')
    t.same(await cleanups.list(10), [])
  })

  t.test('the oldest come first, up to the limit', async (t) => {
    const { db, cleanups, clock } = await start(t, open)
    for (const id of ['3', '1', '2']) {
      await owe(db, id)
      clock.advance(1000)
    }
    await cleanups.postpone('3', 'still failing', clock.now() + 60_000)
    t.same(idsOf(await cleanups.list(10)), ['3', '1', '2'])
    t.same(idsOf(await cleanups.list(2)), ['3', '1'])
  })

  t.test('a completed attempt is no cleanup', async (t) => {
    const { db, cleanups } = await start(t, open)
    await db.add('1', submission([formula('a')]))
    await db.complete('1')
    t.same(await cleanups.list(10), [])
  })
}

async function duePromises(t: Test, open: OpenStores): Promise<void> {
  t.test('its caller has five seconds to roll an attempt back before it is due', async (t) => {
    const { db, cleanups, clock } = await start(t, open)
    await owe(db, '1')
    clock.advance(HEAD_START_MS - 1)
    t.same(await cleanups.due(10), [])
    clock.advance(1)
    t.same(await cleanups.due(10), [{ id: '1', attempts: 0, decision: { kind: 'abandoned' } }])
    await db.remove('1')
    t.same(await cleanups.due(10), [])
  })

  t.test('a completed attempt whose events are not released is due with them, until it is finished', async (t) => {
    const { db, cleanups, clock } = await start(t, open)
    await db.add('1', submission([formula('a')]))
    clock.advance(1000)
    const decision = await db.complete('1')
    clock.advance(HEAD_START_MS - 1)
    t.same(await cleanups.due(10), [])
    clock.advance(1)
    t.same(await cleanups.due(10), [{ id: '1', attempts: 0, decision }])
    await db.finish('1')
    t.same(await cleanups.due(10), [])
  })

  t.test('a completed attempt is still due when its answer has expired', async (t) => {
    const { db, cleanups, clock } = await start(t, open, { answerTtlMs: 1000 })
    await db.add('1', submission([formula('a')]))
    const decision = await db.complete('1')
    clock.advance(HEAD_START_MS)
    t.same(await cleanups.due(10), [{ id: '1', attempts: 0, decision }])
  })

  t.test('an undecided attempt is never due', async (t) => {
    const { db, cleanups, clock } = await start(t, open)
    await db.add('1', submission([formula('a')]))
    clock.advance(HEAD_START_MS * 100)
    t.same(await cleanups.due(10), [])
  })

  t.test('the longest due come first, up to the limit', async (t) => {
    const { db, cleanups, clock } = await start(t, open)
    await owe(db, '1', '2', '3')
    await cleanups.postpone('1', 'failed', clock.now() + 9000)
    await cleanups.postpone('3', 'failed', clock.now() + 1000)
    clock.advance(10_000)
    t.same(idsOf(await cleanups.due(2)), ['3', '2'])
    for (const id of ['3', '2']) await cleanups.postpone(id, 'failed', clock.now() + 1)
    t.same(idsOf(await cleanups.due(2)), ['1'])
  })
}

async function postponePromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a postponed cleanup counts the try, has the new reason, and is due at its time', async (t) => {
    const { db, cleanups, clock } = await start(t, open)
    await owe(db, '1')
    clock.advance(HEAD_START_MS)
    await cleanups.postpone('1', 'the queue is still down', clock.now() + 2000)
    t.same(await cleanups.due(10), [])
    const nextAttemptAt = '2026-01-31T12:00:07.000Z'
    t.match(await cleanups.list(10), [{ id: '1', attempts: 1, reason: 'the queue is still down', nextAttemptAt }])
    clock.advance(2000)
    t.match(await cleanups.due(10), [{ id: '1', attempts: 1 }])
  })

  t.test('the release of events can be postponed as well', async (t) => {
    const { db, cleanups, clock } = await start(t, open)
    await db.add('1', submission([formula('a')]))
    await db.complete('1')
    await cleanups.postpone('1', 'the queue is down', clock.now() + 60_000)
    clock.advance(59_999)
    t.same(await cleanups.due(10), [])
    clock.advance(1)
    t.match(await cleanups.due(10), [{ id: '1', attempts: 1, decision: { kind: 'completed' } }])
  })

  t.test('postponing what is not a cleanup changes nothing', async (t) => {
    const { db, cleanups, clock } = await start(t, open)
    await db.add('1', submission([formula('a')]))
    await cleanups.postpone('1', 'x', clock.now())
    await cleanups.postpone('unknown', 'x', clock.now())
    t.same(await cleanups.due(10), [])
    t.match(await db.complete('1'), { kind: 'completed' })
  })

  t.test('a retry makes a cleanup due now, without counting a try', async (t) => {
    const { db, cleanups, clock } = await start(t, open)
    await owe(db, '1')
    await cleanups.postpone('1', 'failed', clock.now() + 60_000)
    t.equal(await cleanups.retry('1'), true)
    t.match(await cleanups.due(10), [{ id: '1', attempts: 1 }])
    t.match(await cleanups.list(10), [{ nextAttemptAt: '2026-01-31T12:00:00.000Z' }])
  })

  t.test('only a cleanup can be retried', async (t) => {
    const { db, cleanups } = await start(t, open)
    await db.add('1', submission([formula('a')]))
    t.equal(await cleanups.retry('1'), false)
    await db.complete('1')
    t.equal(await cleanups.retry('1'), false)
    t.equal(await cleanups.retry('unknown'), false)
    t.equal(await cleanups.retry('\0'), false)
    t.same(await cleanups.due(10), [])
  })
}

async function orphanPromises(t: Test, open: OpenStores, orphanAfterMs: number): Promise<void> {
  t.test('an orphaned attempt is rolled back, starting now', async (t) => {
    const { db, cleanups, clock } = await start(t, open)
    await db.add('1', submission([formula('a')]))
    clock.advance(1000 + orphanAfterMs)
    t.equal(await cleanups.adoptOrphans(), 1)
    const at = isoTime(clock.now())
    const reason = 'The service stopped before the submission was finished'
    const owed = { id: '1', formulaIds: [formula('a').id], reason, attempts: 0, createdAt: at, nextAttemptAt: at }
    t.same(await cleanups.list(10), [owed])
    t.match(await cleanups.due(10), [{ id: '1', decision: { kind: 'abandoned' } }])
    t.same(await db.complete('1'), { kind: 'abandoned' })
    const wanting = submission([formula('b')])
    t.same(await db.add('2', wanting), { kind: 'busy', wants: 'composition', holder: 'cleanup' })
    await db.remove('1')
    t.match(await db.add('3', wanting), { kind: 'added' })
  })

  t.test('an attempt with heartbeats is no orphan, however long it runs', async (t) => {
    const { db, cleanups, clock } = await start(t, open)
    await db.add('1', submission([formula('a')]))
    for (let beat = 0; beat < 5; beat++) {
      clock.advance(Math.max(orphanAfterMs - 1, 1))
      await cleanups.heartbeat(['1', 'unknown'])
    }
    t.same(await cleanups.list(10), [])
    t.match(await db.complete('1'), { kind: 'completed' })
    await cleanups.heartbeat(['1'])
    t.same(await cleanups.list(10), [])
  })

  t.test('an orphan that is removed stays refused', async (t) => {
    const { db, cleanups, clock } = await start(t, open)
    const orphan = submission([formula('a')])
    await db.add('1', orphan)
    clock.advance(orphanAfterMs)
    await cleanups.adoptOrphans()
    await db.remove('1')
    t.same(await db.add('1', orphan), { kind: 'given-up' })
  })

  t.test('oldestUnfinished is the time of the oldest completion that is not finished, due or not', async (t) => {
    const { db, cleanups, clock } = await start(t, open)
    t.equal(await cleanups.oldestUnfinished(), null)
    await owe(db, '1')
    t.equal(await cleanups.oldestUnfinished(), null, 'a rollback is none')
    const first = clock.now()
    await db.add('2', submission([formula('b', '2')]))
    await db.complete('2')
    clock.advance(1_000)
    await db.add('3', submission([formula('c', '3')]))
    await db.complete('3')
    await cleanups.postpone('2', 'later', clock.now() + 60_000)
    t.equal(await cleanups.oldestUnfinished(), first)
    await db.finish('2')
    t.equal(await cleanups.oldestUnfinished(), first + 1_000)
  })

  t.test('a decided attempt is no orphan', async (t) => {
    const { db, cleanups } = await start(t, open)
    await owe(db, '1')
    await db.add('2', submission([formula('b', '2')]))
    await db.complete('2')
    t.equal(await cleanups.adoptOrphans(), 0)
    t.match(await cleanups.list(10), [{ id: '1', reason: 'reason 1' }])
    t.same((await cleanups.due(10)).map(({ id }) => id).sort(), ['1', '2'], 'but it is due at once')
  })
}
