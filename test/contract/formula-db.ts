import t, { type Test } from 'tap'
import type { FormulaDb, StoredAnswer } from '../../src/stores/ports.ts'
import { abandonPromises, addPromises, claimPromises, completePromises, keyPromises } from './formula-db-saga.ts'
import { type OpenStores, start } from './open-stores.ts'
import { answerOf, formula, store, submission } from './submissions.ts'

const NOON = '2026-01-31T12:00:00.000Z'

/** What every database of formulas promises. */
export function formulaDbContract(name: string, open: OpenStores): void {
  t.test(`${name} formula db: formulas`, (t) => formulaPromises(t, open))
  t.test(`${name} formula db: lists`, (t) => listPromises(t, open))
  t.test(`${name} formula db: sizes of pages`, (t) => sizePromises(t, open))
  t.test(`${name} formula db: search`, (t) => searchPromises(t, open))
  t.test(`${name} formula db: duplicates`, (t) => duplicatePromises(t, open))
  t.test(`${name} formula db: skipped duplicates`, (t) => skipPromises(t, open))
  t.test(`${name} formula db: adding`, (t) => addPromises(t, open))
  t.test(`${name} formula db: completing`, (t) => completePromises(t, open))
  t.test(`${name} formula db: abandoning`, (t) => abandonPromises(t, open))
  t.test(`${name} formula db: claims`, (t) => claimPromises(t, open))
  t.test(`${name} formula db: keys`, (t) => keyPromises(t, open))
}

async function formulaPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a stored formula is found by its fingerprint, just as it was submitted', async (t) => {
    const { db } = await start(t, open)
    const materials = [
      { name: 'Ｉｓｏ  E', concentration: '12.123456789012' },
      { name: '🌹 "\\', concentration: '0.1' },
      { name: 'Ambroxan', concentration: '999999999999' },
    ]
    const rose = { ...formula('Straße'), materials }
    await store(db, submission([rose]))
    const stored = await db.get(rose.id)
    t.same(stored, { id: rose.id, name: 'Straße', materials, createdAt: NOON })
    t.same(Object.keys(stored ?? {}), ['id', 'name', 'materials', 'createdAt'])
  })

  t.test('a formula is found as soon as it is stored, whatever was looked up before', async (t) => {
    const { db } = await start(t, open)
    const [rose, iris] = [formula('rose', '1'), formula('iris', '2')]
    t.equal(await db.get(rose.id), null)
    await store(db, submission([rose], { id: 's1', key: 'k1' }))
    t.equal((await db.get(rose.id))?.name, 'rose')
    t.equal(await db.get(iris.id), null)
    await store(db, submission([iris], { id: 's2', key: 'k2' }))
    t.equal((await db.get(iris.id))?.name, 'iris')
  })

  t.test('what is not there is null', async (t) => {
    const { db } = await start(t, open)
    t.equal(await db.get(formula('a').id), null)
    t.equal(await db.get('x'), null)
    t.same(await db.list({ limit: 10 }), { items: [], next: null })
  })

  t.test('it answers a probe', async (t) => {
    const { db } = await start(t, open)
    await t.resolves(db.probe())
  })
}

/** Stores one formula a name, each of its own make-up. */
async function storeAll(db: FormulaDb, names: string[]): Promise<void> {
  for (const [index, name] of names.entries()) await store(db, submission([formula(name, `${index + 1}`)]))
}

const namesOf = (items: { name: string }[]): string[] => items.map(({ name }) => name)

async function listPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('the newest comes first, and a later member of a list is newer', async (t) => {
    const { db } = await start(t, open)
    await store(db, submission([formula('a', '9')]))
    await store(db, submission([formula('b', '1'), formula('c', '8'), formula('d', '2')]))
    t.same(namesOf((await db.list({ limit: 10 })).items), ['d', 'c', 'b', 'a'])
  })

  t.test('the order is that of acceptance, whatever the clock says', async (t) => {
    const { db, clock } = await start(t, open)
    await store(db, submission([formula('a', '1')]))
    clock.advance(-60_000)
    await store(db, submission([formula('b', '2')]))
    t.same(namesOf((await db.list({ limit: 10 })).items), ['b', 'a'])
  })

  t.test('pages follow each other without gap or overlap, while new formulas arrive', async (t) => {
    const { db } = await start(t, open)
    await storeAll(db, ['a', 'b', 'c', 'd', 'e'])
    const first = await db.list({ limit: 2 })
    t.same(namesOf(first.items), ['e', 'd'])
    await store(db, submission([formula('f', '60')]))
    const second = await db.list({ limit: 2, before: first.next ?? 0 })
    t.same(namesOf(second.items), ['c', 'b'])
    const third = await db.list({ limit: 2, before: second.next ?? 0 })
    t.same(third.next, null)
    t.same(namesOf(third.items), ['a'])
  })

  t.test('only a further formula makes a further page', async (t) => {
    const { db } = await start(t, open)
    await storeAll(db, ['a', 'b'])
    t.equal((await db.list({ limit: 2 })).next, null)
    t.type((await db.list({ limit: 1 })).next, 'number')
  })

  t.test('a page that begins outside the list is empty or the first', async (t) => {
    const { db } = await start(t, open)
    await storeAll(db, ['a'])
    t.same(await db.list({ limit: 2, before: 0 }), { items: [], next: null })
    t.same(await db.list({ limit: 2, before: -5 }), { items: [], next: null })
    t.same(namesOf((await db.list({ limit: 2, before: Number.MAX_SAFE_INTEGER })).items), ['a'])
  })
}

/** A formula of some 1 MiB, each character of its materials three bytes long. */
const large = (name: string) => ({
  ...formula(name, `1.${name.slice(1)}`),
  materials: Array.from({ length: 500 }, (_, i) => ({ name: `${'\u8349'.repeat(680)}${i}`, concentration: '1' })),
})

async function sizePromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a page ends early at 4 MiB, with or without a search, and the next goes on behind it', async (t) => {
    const { db } = await start(t, open)
    const names = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8', 'a9']
    for (const name of names) await store(db, submission([large(name)], { id: name, key: name }))
    for (const query of [{ limit: 200 }, { limit: 200, namePrefix: 'A' }]) {
      const found: string[] = []
      let before = Number.MAX_SAFE_INTEGER
      for (let page = 1; page <= 3; page++) {
        const { items, next } = await db.list({ ...query, before })
        t.ok(Buffer.byteLength(JSON.stringify({ formulas: items, nextCursor: 'x'.repeat(40) })) <= 4 * 2 ** 20)
        found.push(...namesOf(items))
        t.equal(next === null, page === 3, `page ${page}`)
        before = next ?? 0
      }
      t.same(found, names.toReversed())
    }
  })

  t.test('a formula that is larger than a page is a page', async (t) => {
    const { db } = await start(t, open)
    const materials = [{ name: 'x'.repeat(5 * 2 ** 20), concentration: '1' }]
    await store(db, submission([{ ...formula('huge', '1'), materials }], { id: 's1', key: 'k1' }))
    await store(db, submission([formula('small', '2')], { id: 's2', key: 'k2' }))
    const first = await db.list({ limit: 5 })
    t.same(namesOf(first.items), ['small'])
    t.same(namesOf((await db.list({ limit: 5, before: first.next ?? 0 })).items), ['huge'])
  })
}

async function searchPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a prefix finds names in any case and spelling, newest first', async (t) => {
    const { db } = await start(t, open)
    await storeAll(db, ['Straße 1', 'Rose', 'STRASSE 2', 'Ｓtrasse  3', 'A Strasse'])
    const find = async (namePrefix: string) => namesOf((await db.list({ limit: 10, namePrefix })).items)
    t.same(await find('strasse'), ['Ｓtrasse  3', 'STRASSE 2', 'Straße 1'])
    t.same(await find('  STRAß'), ['Ｓtrasse  3', 'STRASSE 2', 'Straße 1'])
    t.same(await find('strasse 3'), ['Ｓtrasse  3'])
    t.same(await find('rosé'), [])
    t.equal((await find('')).length, 5)
    t.equal((await find(' ')).length, 5)
  })

  t.test('white space that ends a prefix counts', async (t) => {
    const { db } = await start(t, open)
    await storeAll(db, ['Iso E', 'Isolde'])
    t.same(namesOf((await db.list({ limit: 10, namePrefix: 'iso ' })).items), ['Iso E'])
  })

  t.test('no character of a prefix is a wildcard', async (t) => {
    const { db } = await start(t, open)
    await storeAll(db, ['a%b', 'axb', 'a_b', 'a*b', "a'b", 'a\\b', '\u{10ffff}a', '[a'])
    for (const prefix of ['a%', 'a_', 'a*', "a'", 'a\\', '\u{10ffff}', '[']) {
      t.equal((await db.list({ limit: 10, namePrefix: prefix })).items.length, 1, prefix)
    }
  })

  t.test('pages of a search hold only what it finds', async (t) => {
    const { db } = await start(t, open)
    await storeAll(db, ['a1', 'b1', 'a2', 'b2', 'a3', 'b3'])
    const first = await db.list({ limit: 2, namePrefix: 'A' })
    t.same(namesOf(first.items), ['a3', 'a2'])
    const second = await db.list({ limit: 2, namePrefix: 'A', before: first.next ?? 0 })
    t.same(namesOf(second.items), ['a1'])
    t.equal(second.next, null)
    t.equal((await db.list({ limit: 3, namePrefix: 'a' })).next, null)
  })

  t.test('what no name can hold is found nowhere', async (t) => {
    const { db } = await start(t, open)
    await storeAll(db, ['a'])
    for (const namePrefix of ['\0', 'a\0', '\ud800']) {
      t.same(await db.list({ limit: 1, namePrefix }), { items: [], next: null }, JSON.stringify(namePrefix))
    }
  })
}

async function duplicatePromises(t: Test, open: OpenStores): Promise<void> {
  const exists = 'This formula already exists in the database, either by the same name or another name'
  const conflict = (details: { path: string; id: string }[]): StoredAnswer => ({
    status: 409,
    location: null,
    body: JSON.stringify({
      error: 'Conflict',
      message: exists,
      status: 409,
      code: 'FORMULA_EXISTS',
      details: details.map(({ path, id }) => ({ path, code: 'FORMULA_EXISTS', message: exists, id })),
    }),
  })

  t.test('a make-up already stored is refused under any name, and the refusal kept', async (t) => {
    const { db, idempotency } = await start(t, open)
    await store(db, submission([formula('Rose')]))
    const second = submission([formula('Tulip')])
    const verdict = await db.add('2', second)
    const answer = conflict([{ path: '', id: formula('Rose').id }])
    t.same(verdict, { kind: 'answered', submissionId: second.id, answer })
    const { id: submissionId, payload } = second
    t.same(await idempotency.find('', second.key), { submissionId, payload, answer })
  })

  t.test('one duplicate keeps the whole list out; each is named, in the order of the list', async (t) => {
    const { db } = await start(t, open)
    const [a, b, c] = [formula('a', '1'), formula('b', '2'), formula('c', '3')]
    await store(db, submission([a, b]))
    const verdict = await db.add('2', submission([c, b, a]))
    const details = [b, a].map(({ id }, index) => ({ path: `/${index + 1}`, id }))
    t.same(answerOf(verdict), conflict(details))
    t.equal(await db.get(c.id), null)
  })

  t.test('twins in a list are refused, only the later named', async (t) => {
    const { db } = await start(t, open)
    const verdict = await db.add('1', submission([formula('a'), formula('b', '2'), formula('c')]))
    t.same(answerOf(verdict), conflict([{ path: '/2', id: formula('a').id }]))
    t.same((await db.list({ limit: 10 })).items, [])
  })

  t.test('a list of one names its member, not the body', async (t) => {
    const { db } = await start(t, open)
    await store(db, submission([formula('a')]))
    const verdict = await db.add('2', submission([formula('a')], { single: false }))
    t.same(answerOf(verdict), conflict([{ path: '/0', id: formula('a').id }]))
  })
}

async function skipPromises(t: Test, open: OpenStores): Promise<void> {
  const added = (formulas: object[], location: string | null = null): StoredAnswer => ({
    status: 200,
    location,
    body: JSON.stringify({ message: 'Formula(s) added!', formulas }),
  })

  t.test('the new ones are added, the others told as they are stored', async (t) => {
    const { db, idempotency, clock } = await start(t, open)
    const [old, fresh] = [formula('old'), formula('fresh', '2')]
    await store(db, submission([old]))
    clock.advance(1000)
    const list = submission([formula('other name'), fresh, formula('twin', '2')], { onDuplicate: 'skip' })
    t.match(await db.add('2', list), { kind: 'added', events: [{ id: fresh.id, name: 'fresh' }] })
    await db.complete('2')
    const createdAt = '2026-01-31T12:00:01.000Z'
    const expected = added([
      { ...old, createdAt: NOON, outcome: 'duplicate' },
      { ...fresh, createdAt, outcome: 'added' },
      { ...fresh, createdAt, outcome: 'duplicate' },
    ])
    t.same((await idempotency.find('', list.key))?.answer, expected)
    t.same(namesOf((await db.list({ limit: 10 })).items), ['fresh', 'old'])
  })

  t.test('when all are duplicates the answer is kept at once and nothing is to be published', async (t) => {
    const { db, idempotency } = await start(t, open)
    const rose = formula('Rose')
    await store(db, submission([rose]))
    const second = submission([formula('Tulip')], { onDuplicate: 'skip' })
    const answer = added([{ ...rose, createdAt: NOON, outcome: 'duplicate' }])
    t.same(await db.add('2', second), { kind: 'answered', submissionId: second.id, answer })
    t.same((await idempotency.find('', second.key))?.answer, answer)
    t.same(await db.complete('2'), { kind: 'abandoned' })
  })

  t.test('a single formula that was added has a location, and its outcome', async (t) => {
    const { db } = await start(t, open)
    const rose = formula('Rose')
    await db.add('1', submission([rose], { onDuplicate: 'skip' }))
    const answer = added([{ ...rose, createdAt: NOON, outcome: 'added' }], `/formulas/${rose.id}`)
    t.match(await db.complete('1'), { kind: 'completed', answer })
  })
}
