import type { Test } from 'tap'
import { type FormulaDb, HEAD_START_MS, type NewFormula } from '../../../src/stores/ports.ts'
import { lease } from '../leasing.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { eraseFormula, formula, formulas, idOf, listed, namesIn, store, submission } from '../submissions.ts'

async function seqIn(db: FormulaDb, id: string): Promise<number> {
  const stored = await db.get(id)
  if (stored === null) throw new Error(`no formula ${id}`)
  return stored.seq
}

/** What erasing a formula removes. */
export async function erasePromises(t: Test, open: OpenStores): Promise<void> {
  t.test('an erased formula is found nowhere', async (t) => {
    const { db } = await start(t, open)
    const list = formulas('a1', 'a2', 'a3')
    await store(db, submission(list))
    const { id } = list[1] as (typeof list)[0]
    t.equal(await eraseFormula(db, id), true)
    t.equal(await db.get(id), null)
    t.same(namesIn((await listed(db, { limit: 10 })).items), ['a3', 'a1'])
    t.same(namesIn((await listed(db, { limit: 10, searchPrefix: 'a' })).items), ['a3', 'a1'])
    const first = await listed(db, { limit: 1 })
    t.same(namesIn((await listed(db, { limit: 1, before: first.next ?? 0 })).items), ['a1'])
  })

  t.test('only the formula with this id is erased, and once', async (t) => {
    const { db } = await start(t, open)
    const [a, b] = [formula('a', '1'), formula('b', '2')]
    await store(db, submission([a, b]))
    const seq = await seqIn(db, a.id)
    for (const unknown of ['x', idOf('unknown')]) t.equal(await db.erase('1', unknown), null)
    t.equal((await listed(db, { limit: 10 })).items.length, 2)
    const erased = { kind: 'erased', formula: { id: a.id, seq }, unreleased: [] }
    t.same(await db.erase('1', a.id), { id: '1', attempts: 0, decision: erased })
    await db.finish('1')
    t.equal(await db.erase('2', a.id), null)
    t.equal((await db.get(b.id))?.document, b.document)
  })

  t.test('an erased composition is held until the erasure is finished, then it is stored anew', async (t) => {
    const { db } = await start(t, open)
    const { id } = formula('old')
    await store(db, submission([formula('old')]))
    const seq = await seqIn(db, id)
    await db.erase('1', id)
    const anew = submission([formula('new')])
    t.same(await db.add('new', anew), { kind: 'busy', wants: 'composition', holder: 'cleanup' })
    t.match(await db.erase('2', id), { id: '1', decision: { formula: { id, seq } } }, 'the same erasure is still owed')
    await db.finish('2')
    t.match(await db.add('new', anew), { kind: 'busy' }, 'another cannot finish it')
    await db.finish('1')
    await store(db, anew)
    t.ok((await seqIn(db, id)) > seq)
    await db.finish('1')
    t.equal((await db.get(id))?.document, formula('new').document)
  })

  t.test('an erasure is a cleanup until it is finished, and due after five seconds', async (t) => {
    const { db, cleanups, clock } = await start(t, open)
    const { id } = formula('a')
    await store(db, submission([formula('a')]))
    const erasure = await db.erase('1', id)
    t.match(await cleanups.list(10), [
      { id: '1', formulaIds: [id], reason: 'The formula is being erased', attempts: 0 },
    ])
    t.equal(await cleanups.adoptOrphans(), 0)
    clock.advance(HEAD_START_MS)
    t.same(await cleanups.due(10), [erasure])
    await cleanups.postpone('1', 'the queue is down', clock.now() + 60_000)
    t.match(await cleanups.list(10), [{ id: '1', reason: 'the queue is down', attempts: 1 }])
    t.same(await cleanups.due(10), [])
    t.equal(await cleanups.retry('1'), true)
    t.match(await cleanups.due(10), [{ id: '1', attempts: 1 }])
    await db.finish('1')
    t.same(await cleanups.list(10), [])
  })

  t.test('an erasure names the submission whose events are not released yet', async (t) => {
    const { db } = await start(t, open)
    const list = formulas('a', 'b')
    const { id } = list[1] as (typeof list)[0]
    await store(db, submission(formulas('x', 'y', 'z').slice(2)))
    await db.add('1', submission(list))
    const { kind, ...completed } = await db.complete('1')
    const { seq } = (await db.get(id)) ?? {}
    const erasure = await db.erase('2', id)
    const unreleased = [{ id: '1', attempts: 0, decision: { kind, ...completed, answer: { status: 410 } } }]
    t.same(erasure?.decision, { kind: 'erased', formula: { id, seq }, unreleased })
    await db.finish('1')
    t.match((await db.erase('3', id))?.decision, { formula: { id }, unreleased: [] })
  })

  t.test('every erasure changes their number, and nothing else does', async (t) => {
    const { db, intake } = await start(t, open)
    await store(db, submission(formulas('a', 'b')))
    const none = await db.erasures()
    t.equal(await db.erasures(), none)
    const [a, b] = formulas('a', 'b').map(({ id }) => id) as [string, string]
    await eraseFormula(db, a)
    const one = await db.erasures()
    t.ok(one > none)
    t.equal(await intake?.erase(b), true)
    t.ok((await db.erasures()) > one)
  })

  t.test('in one transaction a formula is erased with its event', async (t) => {
    const { db, queue, intake, cleanups } = await start(t, open)
    if (intake === null) throw new Error('database and queue are two engines')
    const [a, b] = formulas('a', 'b') as [NewFormula, NewFormula]
    await intake.accept(submission([a, b]))
    for (const unknown of ['x', idOf('unknown')]) t.equal(await intake.erase(unknown), false)
    t.equal(await intake.erase(a.id), true)
    t.equal(await intake.erase(a.id), false)
    t.equal(await db.get(a.id), null)
    t.same(await cleanups.list(10), [])
    t.same(namesIn(await lease(queue)), ['b'])
    t.match(await intake.accept(submission([a])), { kind: 'answered', answer: { status: 200 } })
    t.same(namesIn(await lease(queue)), ['a'], 'a composition that is accepted again has a new event')
  })

  t.test('a sequence number is never reused, even if the newest formula was erased', async (t) => {
    const { db } = await start(t, open)
    const given = new Set<number>()
    for (const round of ['1', '2', '3', '4']) {
      const { id } = formula('a')
      await store(db, submission([formula('a'), formula('b', `2${round}`)]))
      const newest = formula('b', `2${round}`).id
      for (const one of [id, newest]) {
        const seq = await seqIn(db, one)
        t.ok(seq > Math.max(0, ...given))
        given.add(seq)
      }
      for (const one of [newest, id]) await eraseFormula(db, one)
    }
    t.equal(given.size, 8)
  })

  t.test('a pending formula is not erased', async (t) => {
    const { db } = await start(t, open)
    await db.add('1', submission([formula('a')]))
    t.equal(await db.erase('2', formula('a').id), null)
    t.match(await db.complete('1'), { kind: 'completed', answer: { status: 200 } })
    t.equal((await db.get(formula('a').id))?.document, formula('a').document)
  })
}
