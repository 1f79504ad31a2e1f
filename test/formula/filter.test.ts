import t from 'tap'
import { type FilterFields, toFilter, toPredicate } from '../../src/formula/filter.ts'
import { writeDocument } from '../../src/formula/formula.ts'

const AT = Date.UTC(2026, 0, 31, 12)

const documentOf = (name: string, ...materials: string[]): string =>
  writeDocument(
    { name, materials: materials.map((material) => ({ name: material, concentration: '1' })) },
    { createdAt: new Date(AT).toISOString(), submittedBy: 'lab' },
  )

function finds(fields: FilterFields, document: string): boolean {
  const filter = toFilter(fields)
  return filter === null || toPredicate(filter)(document)
}

t.test('words are found in any place, case, width and accent', async (t) => {
  const document = documentOf('Rose Garden', 'Fougère Base', 'Straße N° 5', 'Ｖétiver')
  for (const q of [
    'garden',
    'GARD',
    'fougere',
    'fouge\u0300re',
    'strasse',
    'straße',
    'vetiver',
    'ｒｏｓｅ',
    'base rose 5',
  ]) {
    t.ok(finds({ q }, document), q)
  }
  for (const q of ['tulip', 'rose tulip', 'gardenbase', 'rosegarden']) t.notOk(finds({ q }, document), q)
})

t.test('words asked for with accents find them without', async (t) => {
  t.ok(finds({ q: 'fougère' }, documentOf('Fougere', 'Linalool')))
})

t.test('no words ask for nothing', async (t) => {
  for (const q of ['', '  ', '\u3000', '®']) t.equal(toFilter({ q }), null)
})

t.test('a material is found by its whole name, in any spelling that is the same name', async (t) => {
  const document = documentOf('Rose', 'Iso E Super®', 'Vétiver')
  for (const material of ['iso e super', ' ISO  E SUPER', 'VE\u0301TIVER'])
    t.ok(finds({ material }, document), material)
  for (const material of ['iso e', 'vetiver', 'rose', '', '®']) t.notOk(finds({ material }, document), material)
})

t.test('the submitter is compared as it is, and a formula without one has none', async (t) => {
  t.ok(finds({ submittedBy: 'lab' }, documentOf('Rose', 'Linalool')))
  t.notOk(finds({ submittedBy: 'LAB' }, documentOf('Rose', 'Linalool')))
  const bare = documentOf('Rose', 'Linalool').replace(',"submittedBy":"lab"', '')
  for (const submittedBy of ['', 'lab', 'undefined']) t.notOk(finds({ submittedBy }, bare))
})

t.test('from is the earliest time, and to is later than the latest', async (t) => {
  const document = documentOf('Rose', 'Linalool')
  t.ok(finds({ from: AT, to: AT + 1 }, document))
  t.notOk(finds({ to: AT }, document))
  t.notOk(finds({ from: AT + 1 }, document))
})

t.test('the same question makes the same filter, whatever the order and number of its words', async (t) => {
  t.same(JSON.stringify(toFilter({ q: 'Rosé garden' })), JSON.stringify(toFilter({ q: ' GARDEN rose  garden' })))
})

t.test('more names than are remembered are still told apart', async (t) => {
  const names = Array.from({ length: 10_000 }, (_, n) => `Material ${n}`)
  const predicate = toPredicate({ material: 'material 9999' })
  t.equal(names.filter((name) => predicate(documentOf('Rose', name))).join(), 'Material 9999')
  t.ok(predicate(documentOf('Rose', 'Material 1', 'MATERIAL 9999')))
})
