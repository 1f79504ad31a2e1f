import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { fingerprint } from '../../src/formula/identity.ts'
import { validateSubmission } from '../../src/formula/validate.ts'
import { holds } from '../support/formula/property.ts'

type Pair = readonly [name: string, concentration: string]

/** The id that the service gives a formula of these materials, in this order and spelling. */
function idOf(materials: readonly Pair[]): string {
  const list = materials.map(([name, concentration]) => ({ name, concentration }))
  const validation = validateSubmission({ name: 'Rose Garden', materials: list })
  if (!validation.valid) throw new Error(JSON.stringify(validation.problems))
  return validation.formulas[0]?.id ?? ''
}

const NAMES = ['rose', 'straße', 'café', 'iso e super', 'οδος', 'figue', 'ambroxan', 'linalool 98%', 'vétiver', 'musk']

/** Up to ten different materials; a concentration is a whole number of millionths. */
const composition = fc.uniqueArray(fc.tuple(fc.constantFrom(...NAMES), fc.integer({ min: 1, max: 99_000_000 })), {
  minLength: 1,
  selector: ([name]) => name,
})

const decimal = (millionths: number): string =>
  `${Math.floor(millionths / 1e6)}.${String(millionths % 1e6).padStart(6, '0')}`
const plain = (materials: readonly (readonly [string, number])[]): Pair[] =>
  materials.map(([name, millionths]) => [name, decimal(millionths)])

const wide = (name: string): string =>
  name.replace(/[!-~]/g, (character) => String.fromCharCode(character.charCodeAt(0) + 0xfee0))
const nameSpelling = fc.constantFrom<(name: string) => string>(
  (name) => name.toUpperCase(),
  (name) => name.normalize('NFD'),
  (name) => wide(name),
  (name) => wide(name.toUpperCase()),
  (name) => `\u00a0\t${name}\u2003\r\n`,
  (name) => name.replaceAll(' ', ' \u3000\u2009'),
  (name) => name.replaceAll('ς', 'σ').replaceAll('ß', '\u1e9e').replaceAll('fi', 'ﬁ'),
)
const decimalSpelling = fc.constantFrom<(millionths: number) => string>(
  (millionths) => `${millionths}e-6`,
  (millionths) => `+000${decimal(millionths)}000`,
  (millionths) => `0.00${String(millionths).padStart(12, '0')}E+8`,
  (millionths) => decimal(millionths).replace(/^0\./, '.'),
  (millionths) => decimal(millionths).replace(/\.0+$/, '.'),
)

t.test('the order of materials does not matter', async (t) => {
  const orders = composition.chain((materials) =>
    fc.tuple(fc.constant(materials), fc.shuffledSubarray(materials, { minLength: materials.length })),
  )
  const property = fc.property(orders, ([a, b]) => idOf(plain(a)) === idOf(plain(b)))
  holds(t, property, 500)
})

t.test('no other spelling of the same materials gives another fingerprint', async (t) => {
  const property = fc.property(
    composition,
    fc.infiniteStream(nameSpelling),
    fc.infiniteStream(decimalSpelling),
    (...drawn) => {
      const [materials, names, decimals] = drawn
      const respelled = materials.map(([name, millionths]): Pair => {
        return [names.next().value(name), decimals.next().value(millionths)]
      })
      return idOf(plain(materials)) === idOf(respelled.reverse())
    },
  )
  holds(t, property, 500)
})

t.test('a JSON number and its text give one fingerprint', async (t) => {
  const property = fc.property(fc.integer({ min: 1, max: 99_000_000 }), (millionths) => {
    const number = Number(decimal(millionths))
    const validation = validateSubmission({ name: 'a', materials: [{ name: 'Rose', concentration: number }] })
    return validation.valid && validation.formulas[0]?.id === idOf([['rose', decimal(millionths)]])
  })
  holds(t, property)
})

t.test('materials that differ in one name, one number or in count have different fingerprints', async (t) => {
  const property = fc.property(composition, fc.nat(), fc.integer({ min: 1, max: 1000 }), (materials, pick, step) => {
    const index = pick % materials.length
    const other = materials.map(([name, millionths], at) => [name, millionths + (at === index ? step : 0)] as const)
    const renamed = plain(materials).map(([name, text], at) => [at === index ? `${name}s` : name, text] as const)
    const more = [...plain(materials), ['sandalwood', '1'] as const]
    return new Set([plain(materials), plain(other), renamed, more].map(idOf)).size === 4
  })
  holds(t, property, 500)
})

t.test('concentrations that changed places make another formula', async (t) => {
  t.not(
    idOf([
      ['Rose', '1'],
      ['Musk', '2'],
    ]),
    idOf([
      ['Rose', '2'],
      ['Musk', '1'],
    ]),
  )
  t.not(idOf([['rose 1', '2']]), idOf([['rose', '12']]))
})

t.test('names of formulas play no part', async (t) => {
  const ids = ['A', 'b'].map((name) => {
    const validation = validateSubmission({ name, materials: [{ name: 'Rose', concentration: '1' }] })
    return validation.valid ? validation.formulas[0]?.id : null
  })
  t.equal(ids[0], ids[1])
  t.equal(ids[0], idOf([['Rose', '1']]))
})

t.test('a fingerprint is the SHA-256 of the version tag and the sorted materials, line by line', async (t) => {
  const lines = ['fragrance-formula/2', 'iso e super\t12.5', 'ros\u00e9\t0.000000000001', 'strasse\t10']
  const expected = createHash('sha256').update(lines.join('\n'), 'utf8').digest('hex')
  const materials: Pair[] = [
    ['Straße', '1e1'],
    ['ROSE\u0301', '1E-12'],
    [' Iso  E Super', '012.50'],
  ]
  t.equal(idOf(materials), expected)
  t.equal(expected, '4276678463c70d4701fc171cd18616ec9353e3aee969954961c4ee7ceb7c1551', 'and this one for ever')
  t.equal(
    fingerprint([['rose', '1']]),
    createHash('sha256').update('fragrance-formula/2\nrose\t1', 'utf8').digest('hex'),
  )
})

t.test('materials are sorted by UTF-16 code units, whatever the locale', async (t) => {
  const lines = ['fragrance-formula/2', 'a b\t1', 'ab\t1', 'z\t1', 'ä\t1', '\u{1f339}\t1', '\uff61\t1']
  const expected = createHash('sha256').update(lines.join('\n'), 'utf8').digest('hex')
  const shuffled = ['\uff61', 'ä', 'z', '\u{1f339}', 'ab', 'a b'].map((name): Pair => [name, '1'])
  t.equal(fingerprint(shuffled), expected)
})

t.test('formulas of few and of many materials are sorted alike', async (t) => {
  for (const count of [2, 15, 16, 17, 18, 500]) {
    const pairs = Array.from(
      { length: count },
      (_, index): Pair => [`m${(index * 7) % count} of ${count}`, `${index + 1}`],
    )
    const lines = pairs.map(([name, concentration]) => `${name}\t${concentration}`).sort()
    const expected = createHash('sha256')
      .update(['fragrance-formula/2', ...lines].join('\n'), 'utf8')
      .digest('hex')
    t.equal(fingerprint(pairs), expected, `${count} materials`)
  }
})
