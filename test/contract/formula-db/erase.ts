import type { Test } from 'tap'
import type { FormulaDb } from '../../../src/stores/ports.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { formula, formulas, listed, namesIn, store, submission } from '../submissions.ts'

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
    t.equal(await db.erase(id, await seqIn(db, id)), true)
    t.equal(await db.get(id), null)
    t.same(namesIn((await listed(db, { limit: 10 })).items), ['a3', 'a1'])
    t.same(namesIn((await listed(db, { limit: 10, searchPrefix: 'a' })).items), ['a3', 'a1'])
    const first = await listed(db, { limit: 1 })
    t.same(namesIn((await listed(db, { limit: 1, before: first.next ?? 0 })).items), ['a1'])
  })

  t.test('only the formula with this id and sequence number is erased, and once', async (t) => {
    const { db } = await start(t, open)
    const [a, b] = [formula('a', '1'), formula('b', '2')]
    await store(db, submission([a, b]))
    const seqs = [await seqIn(db, a.id), await seqIn(db, b.id)] as [number, number]
    t.equal(await db.erase(a.id, seqs[1]), false)
    t.equal(await db.erase(a.id, seqs[1] + 1), false)
    t.equal(await db.erase('x', seqs[0]), false)
    t.equal((await listed(db, { limit: 10 })).items.length, 2)
    t.equal(await db.erase(a.id, seqs[0]), true)
    t.equal(await db.erase(a.id, seqs[0]), false)
    t.equal((await db.get(b.id))?.document, b.document)
  })

  t.test('an erased composition can be stored again, and repeating the erasure leaves it alone', async (t) => {
    const { db } = await start(t, open)
    await store(db, submission([formula('old')]))
    const { id } = formula('old')
    const seq = await seqIn(db, id)
    await db.erase(id, seq)
    await store(db, submission([formula('new')]))
    t.equal(await db.erase(id, seq), false)
    t.equal((await db.get(id))?.document, formula('new').document)
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
      for (const one of [newest, id]) await db.erase(one, await seqIn(db, one))
    }
    t.equal(given.size, 8)
  })

  t.test('a pending formula is not erased', async (t) => {
    const { db } = await start(t, open)
    await db.add('1', submission([formula('a')]))
    for (const seq of [0, 1, 2]) t.equal(await db.erase(formula('a').id, seq), false)
    t.match(await db.complete('1'), { kind: 'completed', answer: { status: 200 } })
    t.equal((await db.get(formula('a').id))?.document, formula('a').document)
  })
}
