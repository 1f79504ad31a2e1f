import fc from 'fast-check'
import { type Test, test } from 'tap'
import { ServiceError } from '../../src/errors/service-error.ts'
import { checkDerivation, type Derivation, derivationPayload, derive } from '../../src/formula/derive.ts'
import { writeDocument } from '../../src/formula/formula.ts'
import { validateSubmission } from '../../src/formula/validate.ts'
import { holds } from '../support/formula/property.ts'

const ROSE = [
  ['Rose Absolute', '12.5'],
  ['Linalool', '0.7'],
] as const

type Materials = readonly (readonly [name: string, concentration: string])[]

function parentOf(materials: Materials) {
  const body = { name: 'Rose', materials: materials.map(([name, concentration]) => ({ name, concentration })) }
  const checked = validateSubmission(body)
  if (!checked.valid) throw new Error(JSON.stringify(checked.problems))
  const [formula] = checked.formulas
  if (formula === undefined) throw new Error('There is no formula')
  return { id: formula.id, document: writeDocument(formula, { createdAt: '' }) }
}

const problems = (error: ServiceError): string[] => error.details.map(({ path, code }) => `${path} ${code}`)

function read(fields: object | string): Derivation | string[] {
  const body = typeof fields === 'string' ? fields : JSON.stringify({ name: 'Rose II', ...fields })
  const checked = checkDerivation(Buffer.from(body))
  return 'error' in checked ? problems(checked.error) : checked.value
}

/** The materials of the derived formula, or the problems of the derivation. */
function derived(fields: object, materials: Materials = ROSE): unknown {
  const derivation = read(fields)
  if (Array.isArray(derivation)) return derivation
  try {
    return derive(parentOf(materials), derivation).materials.map(({ name, concentration }) => [name, concentration])
  } catch (error) {
    if (error instanceof ServiceError) return problems(error)
    throw error
  }
}

test('0.1 more of 0.7 is 0.8, and nothing else changes', async (t) => {
  t.same(derived({ changes: [{ material: 'Linalool', add: 0.1 }] }), [
    ['Rose Absolute', '12.5'],
    ['Linalool', '0.8'],
  ])
})

test('changes are applied in order, then the scale', async (t) => {
  const changes = [
    { material: 'LINALOOL ', subtract: '0.7' },
    { material: 'linalool', add: '1.5' },
    { material: 'Geraniol', set: '3' },
    { material: 'Geraniol', subtract: '.5' },
    { material: 'Rose Absolute', remove: true },
    { material: 'rose absolute', set: 1 },
  ]
  t.same(derived({ changes, scale: '0.3' }), [
    ['Linalool', '0.45'],
    ['Geraniol', '0.75'],
    ['rose absolute', '0.3'],
  ])
})

test('a material that is set keeps its place and spelling; one that is not there comes last', async (t) => {
  const changes = [
    { material: 'Neroli', set: 1 },
    { material: 'ROSE  ABSOLUTE', set: 2 },
  ]
  t.same(derived({ changes }), [
    ['Rose Absolute', '2'],
    ['Linalool', '0.7'],
    ['Neroli', '1'],
  ])
})

test('intermediates may be negative or too long: only the result counts', async (t) => {
  const changes = [
    { material: 'Linalool', subtract: '5' },
    ...Array(998).fill({ material: 'Linalool', add: '999999999999.999999999999' }),
    { material: 'Linalool', set: '0.000000000001' },
  ]
  t.same(derived({ changes, scale: '1e10' }), [
    ['Rose Absolute', '125000000000'],
    ['Linalool', '0.01'],
  ])
})

// Above its test, which begins before what is below, where it runs alone.
const isSame = (found: unknown, wanted: unknown): boolean => JSON.stringify(found) === JSON.stringify(wanted)

test('the result is exact: it is what integers say, for any numbers', async (t) => {
  const UNIT = 10n ** 12n
  const units = fc.bigInt({ min: 1n, max: UNIT * UNIT - 1n })
  const text = (n: bigint, places: number): string => {
    const digits = String(n).padStart(places + 1, '0')
    return `${digits.slice(0, -places)}.${digits.slice(-places)}`
  }
  const steps = fc.array(fc.tuple(fc.constantFrom('add', 'subtract', 'set'), units), { maxLength: 5 })
  const factor = fc.oneof(fc.constantFrom(1n, UNIT / 2n, 2n * UNIT, UNIT / 1000n), units)
  const property = fc.property(units, steps, factor, (start, list, scale) => {
    const changes = list.map(([operation, n]) => ({ material: 'Rose', [operation]: text(n, 12) }))
    const end = list.reduce((sum, [operation, n]) => {
      return operation === 'set' ? n : operation === 'add' ? sum + n : sum - n
    }, start)
    const product = end * scale
    const path = changes.length > 0 ? `/changes/${changes.length - 1}` : '/scale'
    const isLong = product % UNIT !== 0n || product / UNIT >= UNIT * UNIT
    const result = derived({ changes, scale: text(scale, 12) }, [['Rose', text(start, 12)]])
    if (end <= 0n) return isSame(result, [`${path} CONCENTRATION_NOT_POSITIVE`])
    if (isLong) return isSame(result, [`${path} CONCENTRATION_TOO_LONG`])
    if (product === start * UNIT)
      return isSame(result, [`${changes.length > 0 ? '/changes' : '/scale'} CHANGES_INVALID`])
    const shown = text(product / UNIT, 12).replace(/\.?0+$/, '')
    return isSame(result, [['Rose', shown]])
  })
  holds(t, property, 300)
})

const invalid: [what: string, fields: object, problems: string[]][] = [
  ['no name', { name: undefined, scale: 2 }, ['/name FORMULA_NAME_MISSING']],
  ['a name that is no string', { name: 5, scale: 2 }, ['/name FORMULA_NAME_NOT_STRING']],
  ['an empty name', { name: '\u00ad', scale: 2 }, ['/name FORMULA_NAME_INVALID']],
  ['neither changes nor scale', {}, ['/changes CHANGES_INVALID']],
  ['no change', { changes: [] }, ['/changes CHANGES_INVALID']],
  ['changes that are no list', { changes: {}, scale: 2 }, ['/changes CHANGES_INVALID']],
  ['null for no changes', { changes: null, scale: 2 }, ['/changes CHANGES_INVALID']],
  ['1,001 changes', { changes: Array(1001).fill({ material: 'a', set: 1 }) }, ['/changes CHANGES_INVALID']],
  ['a change that is no object', { changes: [5] }, ['/changes/0 CHANGES_INVALID']],
  ['a change without an operation', { changes: [{ material: 'a' }] }, ['/changes/0 CHANGES_INVALID']],
  [
    'an operation that there is not',
    { changes: [{ material: 'a', multiply: 2 }] },
    ['/changes/0 CHANGES_INVALID', '/changes/0/multiply MATERIAL_FIELD_UNKNOWN'],
  ],
  ['two operations at once', { changes: [{ material: 'a', add: 1, set: 2 }] }, ['/changes/0 CHANGES_INVALID']],
  ['remove: false', { changes: [{ material: 'a', remove: false }] }, ['/changes/0/remove CHANGES_INVALID']],
  ['a change of nothing', { changes: [{ add: 1 }] }, ['/changes/0/material CHANGES_INVALID']],
  ['a material by number', { changes: [{ material: 1, add: 1 }] }, ['/changes/0/material MATERIAL_NAME_NOT_STRING']],
  ['an empty material', { changes: [{ material: ' ', add: 1 }] }, ['/changes/0/material MATERIAL_NAME_INVALID']],
  ['adding 0', { changes: [{ material: 'a', add: 0 }] }, ['/changes/0/add MATERIAL_CONCENTRATION_NOT_DECIMAL']],
  ['setting a word', { changes: [{ material: 'a', set: 'x' }] }, ['/changes/0/set MATERIAL_CONCENTRATION_NOT_DECIMAL']],
  [
    'an operand of 13 decimals',
    { changes: [{ material: 'a', subtract: '1e-13' }] },
    ['/changes/0/subtract MATERIAL_CONCENTRATION_NOT_DECIMAL'],
  ],
  ['a scale of 0', { scale: 0 }, ['/scale CHANGES_INVALID']],
  ['a huge scale', { scale: '1e999999999' }, ['/scale CHANGES_INVALID']],
  ['an unknown field', { scale: 2, colour: 1 }, ['/colour FORMULA_FIELD_UNKNOWN']],
  ['a field of a submission', { scale: 2, materials: [] }, ['/materials FORMULA_FIELD_UNKNOWN']],
  [
    'an unknown field of a change',
    { changes: [{ material: 'a', add: 1, unit: '%' }] },
    ['/changes/0/unit MATERIAL_FIELD_UNKNOWN'],
  ],
  ['metadata that is none', { scale: 2, metadata: { client: 5 } }, ['/metadata/client METADATA_INVALID']],
  [
    'several problems',
    { name: 5, changes: [{ material: 'a' }, { material: 'b', add: 'x' }], scale: -1 },
    [
      '/name FORMULA_NAME_NOT_STRING',
      '/scale CHANGES_INVALID',
      '/changes/0 CHANGES_INVALID',
      '/changes/1/add MATERIAL_CONCENTRATION_NOT_DECIMAL',
    ],
  ],
]

for (const [what, fields, expected] of invalid) {
  test(`${what} is refused before the parent is looked at`, async (t) => t.same(read(fields), expected))
}

for (const body of ['', '{}', '[]', '[{"name":"a","scale":2}]', '5', 'null', '{']) {
  test(`${body || 'nothing'} is no derivation`, async (t) => t.same(read(body), [' INVALID_JSON']))
}

test('a number is never rounded', async (t) => {
  t.same(read('{"name":"a","changes":[{"material":"a","add":0.1000000000000000055}]}'), [
    '/changes/0/add MATERIAL_CONCENTRATION_NOT_DECIMAL',
  ])
  t.match(read('{"name":"a","scale":123456789012.123456789012}'), { scale: '123456789012.123456789012' })
})

const refused: [what: string, fields: object, problems: string[]][] = [
  [
    'a material that is not there',
    {
      changes: [
        { material: 'Iris', add: 1 },
        { material: 'Linalool', add: 1 },
        { material: 'iris', remove: true },
      ],
    },
    ['/changes/2 MATERIAL_NOT_IN_FORMULA'],
  ],
  [
    'a material that was removed',
    {
      changes: [
        { material: 'Linalool', remove: true },
        { material: 'Linalool', add: 1 },
      ],
    },
    ['/changes/1 MATERIAL_NOT_IN_FORMULA'],
  ],
  ['all of it', { changes: [{ material: 'Linalool', subtract: '0.7' }] }, ['/changes/0 CONCENTRATION_NOT_POSITIVE']],
  [
    'more than there is',
    {
      changes: [
        { material: 'Linalool', subtract: 1 },
        { material: 'Linalool', add: '.1' },
      ],
    },
    ['/changes/1 CONCENTRATION_NOT_POSITIVE'],
  ],
  [
    'a new material of which nothing is left',
    {
      changes: [
        { material: 'Iris', set: 1 },
        { material: 'Iris', subtract: 1 },
      ],
    },
    ['/changes/1 CONCENTRATION_NOT_POSITIVE'],
  ],
  ['a result of 13 decimals', { scale: '1e-12' }, ['/scale CONCENTRATION_TOO_LONG', '/scale CONCENTRATION_TOO_LONG']],
  [
    'a result of 13 digits',
    { changes: [{ material: 'Linalool', set: '999999999999' }], scale: 2 },
    ['/changes/0 CONCENTRATION_TOO_LONG'],
  ],
  [
    'nothing left',
    {
      changes: [
        { material: 'Linalool', remove: true },
        { material: 'Rose absolute', remove: true },
      ],
    },
    ['/changes CHANGES_INVALID'],
  ],
  [
    '501 materials',
    { changes: Array.from({ length: 499 }, (_, index) => ({ material: `m${index}`, set: 1 })) },
    ['/changes CHANGES_INVALID'],
  ],
  ['a scale of 1', { scale: '1.0' }, ['/scale CHANGES_INVALID']],
  [
    'changes that come to nothing',
    {
      changes: [
        { material: 'Linalool', add: 1 },
        { material: 'Linalool', subtract: 1 },
      ],
    },
    ['/changes CHANGES_INVALID'],
  ],
]

for (const [what, fields, expected] of refused) {
  test(`${what} is refused at the last change of the material`, async (t) => t.same(derived(fields), expected))
}

const samePayload = (t: Test, one: object, other: object, isSame: boolean): void => {
  const [first, second] = [one, other].map((fields) => JSON.stringify(derivationPayload('p', read(fields) as never)))
  t.equal(first === second, isSame, `${JSON.stringify(one)} ${JSON.stringify(other)}`)
}

test('the payload is the canonical form of the body', async (t) => {
  const change = { material: 'Rose', add: '1.50' }
  samePayload(t, { changes: [change] }, { changes: [{ add: 1.5, material: ' Rose' }], metadata: {} }, true)
  samePayload(t, { scale: '2.0' }, { changes: [], scale: 2 }, true)
  samePayload(t, { scale: 2, metadata: { a: '1', b: '2' } }, { metadata: { b: '2', a: '1' }, scale: 2 }, true)
  samePayload(t, { scale: 2 }, { scale: 3 }, false)
  samePayload(t, { scale: 2 }, { scale: 2, name: 'Other' }, false)
  samePayload(t, { scale: 2 }, { scale: 2, metadata: { a: '1' } }, false)
  samePayload(t, { changes: [change] }, { changes: [{ ...change, material: 'ROSE' }] }, false)
  samePayload(t, { changes: [change] }, { changes: [{ material: 'Rose', subtract: '1.5' }] }, false)
  samePayload(t, { changes: [change] }, { changes: [change, change] }, false)
})

test('the longest derivation costs little: every number is as long as a concentration', async (t) => {
  const longest = '999999999999.999999999999'
  const changes = Array.from({ length: 1000 }, (_, index) => ({ material: `m${index % 400}`, add: longest }))
  const parent = Array.from({ length: 500 }, (_, index) => [`m${index}`, longest] as const)
  const begun = process.cpuUsage()
  const result = derived({ changes, scale: longest }, parent) as string[]
  const { user } = process.cpuUsage(begun)
  t.equal(result.length, 100)
  t.ok(user < 500_000, `${user} us`)
})
