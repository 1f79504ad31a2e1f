import type { Test } from 'tap'
import { searchKey } from '../../../src/formula/identity.ts'
import type { FormulaDb } from '../../../src/stores/ports.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { formula, formulas, listed, namesIn, store, submission } from '../submissions.ts'

/** Stores one formula for each name, with distinct compositions. */
async function storeAll(db: FormulaDb, names: string[]): Promise<void> {
  for (const one of formulas(...names)) await store(db, submission([one]))
}

/** The order in which formulas are listed. */
export async function listPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('the newest comes first, and a later member of a list is newer', async (t) => {
    const { db } = await start(t, open)
    await store(db, submission([formula('a', '9')]))
    await store(db, submission([formula('b', '1'), formula('c', '8'), formula('d', '2')]))
    t.same(namesIn((await listed(db, { limit: 10 })).items), ['d', 'c', 'b', 'a'])
  })

  t.test('the order is that of acceptance, whatever the clock says', async (t) => {
    const { db, clock } = await start(t, open)
    await store(db, submission([formula('a', '1')]))
    clock.advance(-60_000)
    await store(db, submission([formula('b', '2')]))
    t.same(namesIn((await listed(db, { limit: 10 })).items), ['b', 'a'])
  })

  t.test('pages follow each other without gap or overlap, while new formulas arrive', async (t) => {
    const { db } = await start(t, open)
    await storeAll(db, ['a', 'b', 'c', 'd', 'e'])
    const first = await listed(db, { limit: 2 })
    t.same(namesIn(first.items), ['e', 'd'])
    await store(db, submission([formula('f', '60')]))
    const second = await listed(db, { limit: 2, before: first.next ?? 0 })
    t.same(namesIn(second.items), ['c', 'b'])
    const third = await listed(db, { limit: 2, before: second.next ?? 0 })
    t.same(third.next, null)
    t.same(namesIn(third.items), ['a'])
  })

  t.test('only a further formula makes a further page', async (t) => {
    const { db } = await start(t, open)
    await storeAll(db, ['a', 'b'])
    t.equal((await listed(db, { limit: 2 })).next, null)
    t.type((await listed(db, { limit: 1 })).next, 'number')
  })

  t.test('a page that begins outside the list is empty or the first', async (t) => {
    const { db } = await start(t, open)
    await storeAll(db, ['a'])
    t.same(await listed(db, { limit: 2, before: 0 }), { items: [], next: null })
    t.same(await listed(db, { limit: 2, before: -5 }), { items: [], next: null })
    t.same(namesIn((await listed(db, { limit: 2, before: Number.MAX_SAFE_INTEGER })).items), ['a'])
  })
}

/** How formulas are found by their search keys. */
export async function searchPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a prefix finds names in any case and spelling, newest first', async (t) => {
    const { db } = await start(t, open)
    await storeAll(db, ['Straße 1', 'Rose', 'STRASSE 2', 'Ｓtrasse  3', 'A Strasse'])
    const find = async (prefix: string) =>
      namesIn((await listed(db, { limit: 10, searchPrefix: searchKey(prefix) })).items)
    t.same(await find('strasse'), ['Ｓtrasse  3', 'STRASSE 2', 'Straße 1'])
    t.same(await find('  STRAß'), ['Ｓtrasse  3', 'STRASSE 2', 'Straße 1'])
    t.same(await find('strasse 3'), ['Ｓtrasse  3'])
    t.same(await find('rosé'), [])
    t.equal((await find('')).length, 5)
    t.equal((await find(' ')).length, 5)
  })

  t.test('search keys and prefixes are compared as they are', async (t) => {
    const { db } = await start(t, open)
    const searchKeys = ['Rose', 'rose', ' rose', 'rosé', 'rose\u0301']
    for (const [n, key] of searchKeys.entries()) {
      await store(db, submission([{ ...formula(`${n}`, `${n + 1}`), searchKey: key }]))
    }
    for (const searchPrefix of searchKeys) {
      const found = namesIn((await listed(db, { limit: 10, searchPrefix })).items).map((n) => searchKeys[Number(n)])
      t.same(found, searchKeys.filter((key) => key.startsWith(searchPrefix)).toReversed(), searchPrefix)
    }
  })

  t.test('trailing white space of a prefix counts', async (t) => {
    const { db } = await start(t, open)
    await storeAll(db, ['Iso E', 'Isolde'])
    t.same(namesIn((await listed(db, { limit: 10, searchPrefix: 'iso ' })).items), ['Iso E'])
  })

  t.test('no character of a prefix is a wildcard', async (t) => {
    const { db } = await start(t, open)
    await storeAll(db, ['a%b', 'axb', 'a_b', 'a*b', "a'b", 'a\\b', '\u{10ffff}a', '[a'])
    for (const prefix of ['a%', 'a_', 'a*', "a'", 'a\\', '\u{10ffff}', '[']) {
      t.equal((await listed(db, { limit: 10, searchPrefix: prefix })).items.length, 1, prefix)
    }
  })

  t.test('pages of a search hold only what it finds', async (t) => {
    const { db } = await start(t, open)
    await storeAll(db, ['a1', 'b1', 'a2', 'b2', 'a3', 'b3'])
    const first = await listed(db, { limit: 2, searchPrefix: 'a' })
    t.same(namesIn(first.items), ['a3', 'a2'])
    const second = await listed(db, { limit: 2, searchPrefix: 'a', before: first.next ?? 0 })
    t.same(namesIn(second.items), ['a1'])
    t.equal(second.next, null)
    t.equal((await listed(db, { limit: 3, searchPrefix: 'a' })).next, null)
  })

  t.test('a prefix that no name can have finds nothing', async (t) => {
    const { db } = await start(t, open)
    await storeAll(db, ['a'])
    for (const searchPrefix of ['\0', 'a\0', '\ud800']) {
      t.same(await listed(db, { limit: 1, searchPrefix }), { items: [], next: null }, JSON.stringify(searchPrefix))
    }
  })
}
