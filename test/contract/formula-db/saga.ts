import type { Test } from 'tap'
import type { Decision } from '../../../src/stores/ports.ts'
import { DAY_MS, type OpenStores, start } from '../open-stores.ts'
import { again, answer200, answerOf, eventsOf, formula, listed, shown, store, submission } from '../submissions.ts'

const ABANDONED: Decision = { kind: 'abandoned' }

/** How a submission is added without being visible to readers. */
export async function addPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('an added submission names its events, in the order of the list', async (t) => {
    const { db } = await start(t, open)
    const [a, b] = [formula('a', '2'), formula('b', '1')]
    const list = submission([a, b])
    t.same(await db.add('1', list), { kind: 'added', events: eventsOf(list) })
  })

  t.test('nobody sees a pending formula or its answer', async (t) => {
    const { db, idempotency } = await start(t, open)
    const pending = submission([formula('a')])
    await db.add('1', pending)
    t.equal(await db.get(formula('a').id), null)
    t.same(await listed(db, { limit: 10 }), { items: [], next: null })
    t.same(await listed(db, { limit: 10, searchPrefix: 'a' }), { items: [], next: null })
    t.equal(await idempotency.find('', pending.key), null)
  })

  t.test('adding the same attempt again is no second attempt', async (t) => {
    const { db, clock } = await start(t, open)
    const pending = submission([formula('a'), formula('b', '2')])
    const first = await db.add('1', pending)
    clock.advance(1000)
    t.same(await db.add('1', pending), first)
    await db.complete('1')
    t.equal((await listed(db, { limit: 10 })).items.length, 2)
    t.match(await db.add('1', pending), { kind: 'answered', submissionId: pending.id, answer: { status: 200 } })
  })
}

/** What completing an attempt does. */
export async function completePromises(t: Test, open: OpenStores): Promise<void> {
  t.test('completing makes the formulas visible and keeps the answer in one step', async (t) => {
    const { db, idempotency, clock } = await start(t, open)
    const list = submission([formula('Rose', '2'), formula('Iris', '1')], { caller: 'lab' })
    await db.add('1', list)
    clock.advance(1000)
    const answer = answer200(list.formulas.map((one) => shown(one)))
    const decision = await db.complete('1')
    t.match(decision, { kind: 'completed', answer })
    const stored = await Promise.all(list.formulas.map(({ id }) => db.get(id)))
    t.match(
      stored,
      list.formulas.map(({ id, document }) => ({ id, document })),
    )
    t.same(await idempotency.find('lab', list.key), { submissionId: list.id, payload: list.payload, answer })
    const [rose, iris] = stored.map((one) => one?.seq ?? 0) as [number, number]
    t.ok(rose > 0 && iris > rose, 'numbers go up in the order of the list')
    const events = eventsOf(list).map((event, n) => ({ ...event, seq: [rose, iris][n] }))
    t.same(decision.kind === 'completed' && decision.events, events, 'now its events have the numbers')
  })

  t.test('completing again, or abandoning then, gives the same decision and changes nothing', async (t) => {
    const { db, cleanups } = await start(t, open)
    await db.add('1', submission([formula('a')]))
    const decision = await db.complete('1')
    t.same(await db.complete('1'), decision)
    t.same(await db.abandon('1', 'late'), decision)
    await db.remove('1')
    t.same(await db.complete('1'), decision)
    t.equal((await listed(db, { limit: 10 })).items.length, 1)
    t.same(await cleanups.list(10), [])
  })

  t.test('what was never added cannot be completed', async (t) => {
    const { db } = await start(t, open)
    t.same(await db.complete('1'), ABANDONED)
  })

  t.test('finishing forgets the attempt, not its formulas or its answer', async (t) => {
    const { db, clock, cleanups } = await start(t, open)
    const done = submission([formula('a')])
    await store(db, done)
    await db.finish('unknown')
    clock.advance(DAY_MS / 2)
    t.same(await cleanups.due(10), [])
    t.match(await db.get(formula('a').id), { document: formula('a').document })
    t.match(await db.add('2', again(done)), { kind: 'answered', submissionId: done.id })
  })

  t.test('finishing does not forget what is undecided or being rolled back', async (t) => {
    const { db, cleanups } = await start(t, open)
    await db.add('1', submission([formula('a')]))
    await db.finish('1')
    await db.add('2', submission([formula('b', '2')]))
    await db.abandon('2', 'failed')
    await db.finish('2')
    t.match(await cleanups.list(10), [{ id: '2' }])
    t.match(await db.complete('1'), { kind: 'completed' })
  })
}

/** What abandoning an attempt does. */
export async function abandonPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('an abandoned attempt can neither be completed nor added again', async (t) => {
    const { db } = await start(t, open)
    const failed = submission([formula('a')])
    await db.add('1', failed)
    t.same(await db.abandon('1', 'failed'), ABANDONED)
    t.same(await db.complete('1'), ABANDONED)
    t.same(await db.abandon('1', 'failed'), ABANDONED)
    t.same(await db.add('1', failed), { kind: 'given-up' })
    await db.remove('1')
    await db.remove('1')
    t.same(await db.complete('1'), ABANDONED)
    t.same(await db.add('1', failed), { kind: 'given-up' })
    t.equal(await db.get(formula('a').id), null)
  })

  t.test('an add that arrives after its abandonment is refused', async (t) => {
    const { db, cleanups } = await start(t, open)
    t.same(await db.abandon('1', 'failed'), ABANDONED)
    t.same(await db.add('1', submission([formula('a')])), { kind: 'given-up' })
    t.same(await cleanups.list(10), [], 'nothing is owed')
  })

  t.test('once removed, key and composition are free for another attempt of the same submission', async (t) => {
    const { db } = await start(t, open)
    const failed = submission([formula('a')])
    await db.add('1', failed)
    await db.abandon('1', 'failed')
    await db.remove('1')
    t.match(await db.add('2', failed), { kind: 'added' })
    t.match(await db.complete('2'), { kind: 'completed' })
  })

  t.test("removing one attempt leaves another's formulas alone", async (t) => {
    const { db } = await start(t, open)
    await db.add('1', submission([formula('a')]))
    await db.abandon('1', 'failed')
    await db.remove('1')
    await store(db, submission([formula('a')]))
    await db.abandon('1', 'failed')
    await db.remove('1')
    t.match(await db.get(formula('a').id), { document: formula('a').document })
  })
}

/** What pending formulas hold. */
export async function claimPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a composition that is pending is busy, not a duplicate, whichever member of a list wants it', async (t) => {
    const { db, idempotency } = await start(t, open)
    await store(db, submission([formula('stored', '3')]))
    await db.add('1', submission([formula('a', '1'), formula('b', '2')]))
    const second = submission([formula('c', '3'), formula('d', '2')])
    t.same(await db.add('2', second), { kind: 'busy', wants: 'composition', holder: 'submission' })
    t.equal(await idempotency.find('', second.key), null)
    const skipping = submission([formula('e', '1')], { onDuplicate: 'skip' })
    t.same(await db.add('3', skipping), { kind: 'busy', wants: 'composition', holder: 'submission' })
  })

  t.test('an attempt that finds a composition busy claims nothing', async (t) => {
    const { db } = await start(t, open)
    await db.add('1', submission([formula('a', '1')]))
    await db.add('2', submission([formula('b', '2'), formula('c', '1')]))
    t.match(await db.add('3', submission([formula('d', '2')])), { kind: 'added' })
  })

  t.test('a claim becomes a duplicate by completion, and stays busy until a rollback is done', async (t) => {
    const { db } = await start(t, open)
    await db.add('1', submission([formula('a', '1')]))
    await db.add('2', submission([formula('b', '2')]))
    await db.complete('1')
    await db.abandon('2', 'failed')
    t.equal(answerOf(await db.add('3', submission([formula('c', '1')]))).status, 409)
    const late = submission([formula('d', '2')])
    t.same(await db.add('4', late), { kind: 'busy', wants: 'composition', holder: 'cleanup' })
    await db.remove('2')
    t.match(await db.add('5', late), { kind: 'added' })
  })

  t.test('of two attempts at once for one composition exactly one is added', async (t) => {
    const { db } = await start(t, open)
    const verdicts = await Promise.all([
      db.add('1', submission([formula('a', '1'), formula('b', '2')])),
      db.add('2', submission([formula('b', '2'), formula('a', '1')])),
    ])
    t.same(verdicts.map(({ kind }) => kind).sort(), ['added', 'busy'])
  })
}

/** What a key holds. */
export async function keyPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a key whose submission runs is busy; with another payload it is reused', async (t) => {
    const { db } = await start(t, open)
    const first = submission([formula('a', '1')])
    await db.add('1', first)
    t.same(await db.add('2', again(first)), { kind: 'busy', wants: 'key', holder: 'submission' })
    const other = submission([formula('b', '2')], { key: first.key })
    t.same(await db.add('3', other), { kind: 'reused' })
  })

  t.test('a key whose rollback is pending is busy, whatever the payload', async (t) => {
    const { db } = await start(t, open)
    const first = submission([formula('a', '1')])
    await db.add('1', first)
    await db.abandon('1', 'failed')
    const other = submission([formula('b', '2')], { key: first.key })
    for (const [index, next] of [again(first), other].entries()) {
      t.same(await db.add(`next-${index}`, next), { kind: 'busy', wants: 'key', holder: 'cleanup' })
    }
    await db.remove('1')
    t.match(await db.add('4', other), { kind: 'added' })
  })

  t.test('a finished submission is replayed to its key, and only to its payload', async (t) => {
    const { db } = await start(t, open)
    const first = submission([formula('a', '1')])
    await db.add('1', first)
    const decision = await db.complete('1')
    const answer = decision.kind === 'completed' ? decision.answer : undefined
    t.same(await db.add('2', again(first)), { kind: 'answered', submissionId: first.id, answer })
    t.same(await db.add('3', submission([formula('b', '2')], { key: first.key })), { kind: 'reused' })
  })

  t.test('a reused key is refused before busy or known compositions are looked at', async (t) => {
    const { db } = await start(t, open)
    const first = submission([formula('a', '1')])
    await store(db, first)
    await db.add('2', submission([formula('b', '2')]))
    const other = submission([formula('c', '2'), formula('d', '1')], { key: first.key })
    t.same(await db.add('3', other), { kind: 'reused' })
  })

  t.test('the same key of another caller is another key', async (t) => {
    const { db } = await start(t, open)
    await db.add('1', submission([formula('a', '1')], { key: 'k', caller: 'x' }))
    t.match(await db.add('2', submission([formula('b', '2')], { key: 'k', caller: 'y' })), { kind: 'added' })
  })
}
