import type { Test } from 'tap'
import { type FilterFields, toFilter } from '../../../src/formula/filter.ts'
import type { FormulaDb, FormulaQuery } from '../../../src/stores/ports.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { eraseFormula, formula, idOf, listed, NOON, namesIn, store, submission } from '../submissions.ts'

/** Lists what has all that is asked for. */
const found = async (db: FormulaDb, fields: FilterFields, query: Partial<FormulaQuery> = {}) => {
  const filter = toFilter(fields)
  const { items, next } = await listed(db, { limit: 10, ...query, ...(filter && { filter }) })
  return { names: namesIn(items), next }
}

/** How formulas are found by what their documents say. */
export async function filterPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('words, material, submitter, parent and time find formulas, newest first', async (t) => {
    const { db } = await start(t, open)
    await store(db, submission([formula('Fougère', '1', 'Coumarin', NOON)]))
    const child = formula('Straße', '2', 'Vétiver', NOON + 1)
    const derived = `${child.document.slice(0, -1)},"derivedFrom":"${idOf('parent')}"}`
    await store(db, submission([{ ...child, document: derived }]))
    await store(db, submission([formula('Rose Garden', '3', 'Coumarin', NOON + 2)]))
    const names = async (fields: FilterFields) => (await found(db, fields)).names
    t.same(await names({ q: 'fougere' }), ['Fougère'])
    t.same(await names({ q: 'strasse VETIVER' }), ['Straße'])
    t.same(await names({ material: 'COUMARIN' }), ['Rose Garden', 'Fougère'])
    t.same(await names({ submittedBy: 'lab' }), ['Rose Garden', 'Straße', 'Fougère'])
    t.same(await names({ submittedBy: 'Lab' }), [])
    t.same(await names({ derivedFrom: idOf('parent') }), ['Straße'])
    t.same(await names({ derivedFrom: idOf('child') }), [])
    t.same(await names({ from: NOON + 1, to: NOON + 2 }), ['Straße'])
    t.same((await found(db, { material: 'coumarin' }, { searchPrefix: 'rose' })).names, ['Rose Garden'])
    t.same((await found(db, { material: 'coumarin' }, { searchPrefix: '\0' })).names, [])
    t.same(await names({ q: 'coumarin', to: NOON }), [])
  })

  t.test('pages with a filter follow each other without gap or overlap, past rows that do not match', async (t) => {
    const { db } = await start(t, open)
    const all = Array.from({ length: 450 }, (_, n) => formula(n % 90 === 0 ? `Rose ${n}` : `Iris ${n}`, `${n + 1}`))
    await store(db, submission(all))
    const pages: string[][] = []
    for (let before: number | null = Number.MAX_SAFE_INTEGER; before !== null; ) {
      const { names, next } = await found(db, { q: 'rose' }, { limit: 2, before })
      pages.push(names)
      before = next
    }
    t.same(pages.flat(), ['Rose 360', 'Rose 270', 'Rose 180', 'Rose 90', 'Rose 0'])
    t.same((await found(db, { q: 'rose' }, { limit: 5 })).next, null, 'only a further match makes a further page')
  })

  t.test('a filter finds neither pending nor erased formulas', async (t) => {
    const { db } = await start(t, open)
    await store(db, submission([formula('Rose 1', '1'), formula('Rose 2', '2')]))
    await db.add('1', submission([formula('Rose 3', '3')]))
    await eraseFormula(db, formula('Rose 1', '1').id)
    t.same((await found(db, { q: 'rose' })).names, ['Rose 2'])
  })

  t.test('a page with a filter ends before it is larger than 4 MiB, and the next begins there', async (t) => {
    const { db } = await start(t, open)
    const long = 'x'.repeat(3 * 2 ** 20)
    for (const n of ['1', '2']) {
      const one = formula(`Rose ${n}`, n)
      await store(db, submission([{ ...one, document: `${one.document.slice(0, -1)},"x":"${long}"}` }]))
    }
    const first = await found(db, { q: 'rose' })
    t.same(first.names, ['Rose 2'])
    t.same(await found(db, { q: 'rose' }, { before: first.next ?? 0 }), { names: ['Rose 1'], next: null })
  })
}
