import type { Test } from 'tap'
import { showFormula } from '../../../src/formula/formula.ts'
import type { FormulaQuery, NewFormula } from '../../../src/stores/ports.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { formula, formulas, idOf, listed, namesIn, store, submission } from '../submissions.ts'

/** A formula with unusually written JSON and fields that no store knows. */
const odd: NewFormula = {
  id: idOf('odd'),
  searchKey: 'not a name at all',
  document: '{ "x" : [1.0, 2e0,"b\\u00e9", "Cafe\u0301 🌹 \u2028 \\"\\\\\\/"],\n"id":"another","name":null ,"x":{} }',
  eventBody: '{ "y" :  1.50 }',
}

const ascending = (a: number, b: number): number => a - b

/** How formulas are kept. */
export async function formulaPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a stored formula is found by its fingerprint, with its sequence number and its exact document', async (t) => {
    const { db } = await start(t, open)
    const rose = formula('Straße')
    await store(db, submission([rose]))
    const stored = await db.get(rose.id)
    t.same(stored, { id: rose.id, seq: stored?.seq, document: rose.document })
    t.ok(Number.isSafeInteger(stored?.seq) && (stored?.seq ?? 0) > 0)
  })

  t.test('a document is kept byte for byte, whatever it says, and so is the body of the event', async (t) => {
    const { db, idempotency } = await start(t, open)
    const list = submission([odd, formula('a')])
    t.match(await db.add('1', list), { events: [{ id: odd.id, body: odd.eventBody }, {}] })
    const decision = await db.complete('1')
    t.match(decision, { events: [{ id: odd.id, body: odd.eventBody }, {}] })
    const stored = await db.get(odd.id)
    t.equal(stored?.document, odd.document)
    const text = async (query: FormulaQuery) => Buffer.from((await db.list(query)).formulas).toString()
    t.equal(await text({ limit: 10 }), list.formulas.toReversed().map(showFormula).join())
    t.equal(await text({ limit: 10, searchPrefix: 'not a' }), showFormula(odd))
    const kept = (await idempotency.find('', list.key))?.answer
    t.equal(kept?.status === 200 && kept.entries[0]?.document, odd.document)
  })

  t.test('sequence numbers go up in the order of acceptance', async (t) => {
    const { db } = await start(t, open)
    const [a, b, c, d] = formulas('a', 'b', 'c', 'd') as [NewFormula, NewFormula, NewFormula, NewFormula]
    await store(db, submission([d]))
    await store(db, submission([c, a]))
    await store(db, submission([b]))
    const seqs = await Promise.all([d, c, a, b].map(async ({ id }) => (await db.get(id))?.seq ?? 0))
    t.same(new Set(seqs).size, 4)
    t.same(seqs, seqs.toSorted(ascending))
    t.same(namesIn((await listed(db, { limit: 10 })).items), ['b', 'a', 'c', 'd'])
  })

  t.test('a formula is found as soon as it is stored, whatever was looked up before', async (t) => {
    const { db } = await start(t, open)
    const [rose, iris] = [formula('rose', '1'), formula('iris', '2')]
    t.equal(await db.get(rose.id), null)
    await store(db, submission([rose], { key: 'k1' }))
    t.equal((await db.get(rose.id))?.document, rose.document)
    t.equal(await db.get(iris.id), null)
    await store(db, submission([iris], { key: 'k2' }))
    t.equal((await db.get(iris.id))?.document, iris.document)
  })

  t.test('formulas are found together in the order asked for, each as by itself', async (t) => {
    const { db } = await start(t, open)
    const [a, b, c] = formulas('a', 'b', 'c') as [NewFormula, NewFormula, NewFormula]
    await store(db, submission([a, b, c]))
    await db.add('pending', submission([formula('d', '9')], { key: 'other' }))
    const asked = [c.id, formula('d', '9').id, a.id, 'x', idOf('none'), b.id]
    t.same(await db.getPage(asked), await Promise.all(asked.map((id) => db.get(id))))
    t.same(await db.getPage([]), [])
  })

  t.test('a formula that is not stored is null', async (t) => {
    const { db } = await start(t, open)
    t.equal(await db.get(formula('a').id), null)
    t.equal(await db.get('x'), null)
    t.same(await listed(db, { limit: 10 }), { items: [], next: null })
  })

  t.test('it answers a probe', async (t) => {
    const { db } = await start(t, open)
    await t.resolves(db.probe())
  })
}
