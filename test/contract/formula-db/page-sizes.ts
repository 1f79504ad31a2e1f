import type { Test } from 'tap'
import { showFormula } from '../../../src/formula/formula.ts'
import type { NewFormula } from '../../../src/stores/ports.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { formula, listed, namesIn, store, submission } from '../submissions.ts'

const MIB = 2 ** 20

/** A formula whose document has `bytes` bytes, most of them in characters of three bytes. */
function large(name: string, bytes: number): NewFormula {
  const start = `{"name":"${name}","x":"`
  const left = bytes - Buffer.byteLength(`${start}"}`)
  const document = `${start}${'\u8349'.repeat(Math.floor(left / 3))}${'x'.repeat(left % 3)}"}`
  return { ...formula(name, `1.${Number(name.slice(1)) + 1}`), document }
}

/** How much a page holds. */
export async function sizePromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a page ends early at 4 MiB, with or without a search, and the next goes on behind it', async (t) => {
    const { db } = await start(t, open)
    const names = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8', 'a9']
    for (const name of names) await store(db, submission([large(name, MIB + MIB / 64)], { key: name }))
    for (const query of [{ limit: 200 }, { limit: 200, searchPrefix: 'a' }]) {
      const found: string[] = []
      let before = Number.MAX_SAFE_INTEGER
      for (let page = 1; page <= 3; page++) {
        const { items, next } = await listed(db, { ...query, before })
        const text = `{"formulas":[${items.map(showFormula).join()}],"nextCursor":"${'x'.repeat(40)}"}`
        t.ok(Buffer.byteLength(text) <= 4 * MIB)
        found.push(...namesIn(items))
        t.equal(next === null, page === 3, `page ${page}`)
        before = next ?? 0
      }
      t.same(found, names.toReversed())
    }
  })

  t.test('formulas found together end at 4 MiB too, after at least one', async (t) => {
    const { db } = await start(t, open)
    const sizes = { a1: 5, a2: 1, a3: 1, a4: 1, a5: 1, a6: 1 }
    for (const [name, mib] of Object.entries(sizes))
      await store(db, submission([large(name, mib * MIB)], { key: name }))
    const ids = Object.keys(sizes).map((name) => large(name, MIB).id)
    const lengthOf = async (list: string[]) => (await db.getPage(list)).length
    t.equal(await lengthOf(ids), 1)
    t.equal(await lengthOf(['x', ...ids.slice(1)]), 4, 'what does not exist takes no room')
    t.equal(await lengthOf(ids.slice(4)), 2)
  })

  t.test('a formula that is larger than a page is a page', async (t) => {
    const { db } = await start(t, open)
    await store(db, submission([large('h1', 5 * MIB)], { key: 'k1' }))
    await store(db, submission([formula('small', '2')], { key: 'k2' }))
    const first = await listed(db, { limit: 5 })
    t.same(namesIn(first.items), ['small'])
    t.same(namesIn((await listed(db, { limit: 5, before: first.next ?? 0 })).items), ['h1'])
  })
}
