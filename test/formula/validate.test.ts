import t from 'tap'
import { catalogue } from '../../src/errors/catalogue.ts'
import { JsonNumber } from '../../src/formula/json.ts'
import { validateSubmission } from '../../src/formula/validate.ts'
import { FORMULA, parsed, problemsOf, ROSE, ROSE_OIL, report, withMaterials } from '../support/formula/body.ts'

const many = (count: number): object[] => Array.from({ length: count }, (_, index) => ({ ...ROSE, name: `m${index}` }))

t.test('a formula comes back trimmed, in canonical form and in submitted order', async (t) => {
  const body = parsed(`{"name":"  Rose Garden ","materials":[
    {"name":"Straße\\u3000","concentration":1e1},
    {"concentration":12.123456789012,"name":" Iso  E"},
    {"name":"Cafe\\u0301","concentration":"+0.50"},
    {"name":"Musk","concentration":123456789012.123456789012}]}`)
  const validation = validateSubmission(body)
  t.match(validation, {
    valid: true,
    single: true,
    formulas: [
      {
        id: /^[0-9a-f]{64}$/,
        name: 'Rose Garden',
        materials: [
          { name: 'Straße', concentration: '10' },
          { name: 'Iso  E', concentration: '12.123456789012' },
          { name: 'Cafe\u0301', concentration: '0.5' },
          { name: 'Musk', concentration: '123456789012.123456789012' },
        ],
      },
    ],
  })
})

t.test('a list comes back as a list, in its order, even a list of one', async (t) => {
  t.match(validateSubmission([FORMULA]), { valid: true, single: false, formulas: { length: 1 } })
  const names = ['C', 'A', 'B']
  const validation = validateSubmission(names.map((name) => ({ ...FORMULA, name })))
  t.strictSame(validation.valid && validation.formulas.map(({ name }) => name), names)
})

t.test('what is neither a formula nor a list of formulas is invalid JSON', async (t) => {
  for (const body of [{}, [], null, undefined, '', 'text', 0, 1, true, new JsonNumber('0.1000000000000000055')]) {
    const validation = validateSubmission(body)
    const problems = validation.valid ? [] : validation.problems
    t.equal(problems.length, 1)
    t.match(problems, [{ path: '', code: 'INVALID_JSON', message: /^Invalid or missing JSON: ./ }])
  }
})

t.test('every problem is found and points at its field', async (t) => {
  const cases: [body: unknown, ...problems: string[]][] = [
    [{ materials: [ROSE] }, '/name FORMULA_NAME_MISSING'],
    [{ name: 'a' }, '/materials FORMULA_MATERIALS_MISSING'],
    [
      { other: 1 },
      '/name FORMULA_NAME_MISSING',
      '/materials FORMULA_MATERIALS_MISSING',
      '/other FORMULA_FIELD_UNKNOWN',
    ],
    [{ ...FORMULA, name: null }, '/name FORMULA_NAME_NOT_STRING'],
    [{ ...FORMULA, name: new JsonNumber('1.00000000000000001') }, '/name FORMULA_NAME_NOT_STRING'],
    [{ ...FORMULA, name: '\u3000' }, '/name FORMULA_NAME_INVALID'],
    [{ ...FORMULA, name: 'a\u0000b' }, '/name FORMULA_NAME_INVALID'],
    [{ ...FORMULA, name: 'a'.repeat(201) }, '/name FORMULA_NAME_INVALID'],
    [{ ...FORMULA, name: '\ud800' }, '/name FORMULA_NAME_INVALID'],
    [{ ...FORMULA, name: '\u200b' }, '/name FORMULA_NAME_INVALID'],
    [{ ...FORMULA, name: '\ufdfa'.repeat(3) }, '/name FORMULA_NAME_INVALID'],
    [{ ...FORMULA, materials: null }, '/materials FORMULA_MATERIALS_NOT_LIST'],
    [{ ...FORMULA, materials: 'Rose' }, '/materials FORMULA_MATERIALS_NOT_LIST'],
    [{ ...FORMULA, materials: { length: 1 } }, '/materials FORMULA_MATERIALS_NOT_LIST'],
    [withMaterials(), '/materials FORMULA_MATERIALS_COUNT'],
    [{ ...FORMULA, id: 'x' }, '/id FORMULA_FIELD_UNKNOWN'],
    [withMaterials(null), '/materials/0 MATERIAL_NOT_OBJECT'],
    [withMaterials(ROSE, []), '/materials/1 MATERIAL_NOT_OBJECT'],
    [withMaterials('Rose'), '/materials/0 MATERIAL_NOT_OBJECT'],
    [withMaterials(new JsonNumber('1.00000000000000001')), '/materials/0 MATERIAL_NOT_OBJECT'],
    [
      withMaterials({}),
      '/materials/0/name MATERIAL_NAME_MISSING',
      '/materials/0/concentration MATERIAL_CONCENTRATION_MISSING',
    ],
    [withMaterials({ concentration: '1' }), '/materials/0/name MATERIAL_NAME_MISSING'],
    [withMaterials({ name: 'a' }), '/materials/0/concentration MATERIAL_CONCENTRATION_MISSING'],
    [withMaterials({ ...ROSE, name: [] }), '/materials/0/name MATERIAL_NAME_NOT_STRING'],
    [withMaterials({ ...ROSE, name: ' ' }), '/materials/0/name MATERIAL_NAME_INVALID'],
    [withMaterials({ ...ROSE, name: '® ™' }), '/materials/0/name MATERIAL_NAME_INVALID'],
    [withMaterials({ ...ROSE, name: 'a'.repeat(501) }), '/materials/0/name MATERIAL_NAME_INVALID'],
    [withMaterials({ ...ROSE, name: '\ufdfa'.repeat(500) }), '/materials/0/name MATERIAL_NAME_INVALID'],
    [withMaterials({ ...ROSE, unit: 'g' }), '/materials/0/unit MATERIAL_FIELD_UNKNOWN'],
    [withMaterials(ROSE, ROSE), '/materials/1 MATERIAL_DUPLICATE'],
    [[[]], '/0 FORMULA_NOT_OBJECT'],
    [[null], '/0 FORMULA_NOT_OBJECT'],
    [[{}], '/0/name FORMULA_NAME_MISSING', '/0/materials FORMULA_MATERIALS_MISSING'],
    [[FORMULA, 'x', 1, true], '/1 FORMULA_NOT_OBJECT', '/2 FORMULA_NOT_OBJECT', '/3 FORMULA_NOT_OBJECT'],
    [[FORMULA, { name: 'a' }], '/1/materials FORMULA_MATERIALS_MISSING'],
    [
      [FORMULA, withMaterials(ROSE, { name: 1 })],
      '/1/materials/1/concentration MATERIAL_CONCENTRATION_MISSING',
      '/1/materials/1/name MATERIAL_NAME_NOT_STRING',
    ],
    [withMaterials({ ...ROSE, concentration: 'x' }), '/materials/0/concentration MATERIAL_CONCENTRATION_NOT_DECIMAL'],
    [Array(1001).fill(FORMULA), ' FORMULA_LIST_TOO_LONG'],
  ]
  for (const [body, ...problems] of cases) t.strictSame(report(body), problems)

  const elsewhere = ['FORMULA_ERASED', 'FORMULA_EXISTS', 'FORMULA_NOT_FOUND', 'MATERIAL_NOT_IN_FORMULA']
  const known = Object.keys(catalogue).filter((code) => /^(FORMULA|MATERIAL)_/.test(code) && !elsewhere.includes(code))
  const found = cases.flatMap(([body]) => problemsOf(body).map(({ code }) => code))
  t.strictSame(new Set(found), new Set(known), 'every code of the catalogue is among them')
})

t.test('a concentration that is no exact decimal above zero is refused', async (t) => {
  const values: unknown[] = [
    ...[null, true, [], {}, ['1'], 0, -1, -0, Number.NaN, Number.POSITIVE_INFINITY, 1e12, 1e-13, 1e300, 5e-324],
    ...['', ' ', '0', '-1', '1,5', '0x10', '1_000', ' 1', '1 ', 'NaN', 'Infinity', '\u0661'],
    ...[new JsonNumber('0.1000000000000000055'), new JsonNumber('1234567890123456789')],
  ]
  const expected = ['/materials/0/concentration MATERIAL_CONCENTRATION_NOT_DECIMAL']
  for (const concentration of values) t.strictSame(report(withMaterials({ ...ROSE, concentration })), expected)
  t.strictSame(
    report(parsed('{"name":"a","materials":[{"name":"b","concentration":0.1000000000000000055}]}')),
    expected,
  )
})

t.test('problems are told in the order of the contract, a formula before its materials', async (t) => {
  const bad = { unit: 'g', concentration: 'x', name: 1 }
  t.strictSame(report({ extra: 1, materials: [bad], name: 5 }), [
    '/name FORMULA_NAME_NOT_STRING',
    '/extra FORMULA_FIELD_UNKNOWN',
    '/materials/0/name MATERIAL_NAME_NOT_STRING',
    '/materials/0/concentration MATERIAL_CONCENTRATION_NOT_DECIMAL',
    '/materials/0/unit MATERIAL_FIELD_UNKNOWN',
  ])
  t.strictSame(report({ extra: 1, materials: 7, name: 5 }), [
    '/name FORMULA_NAME_NOT_STRING',
    '/materials FORMULA_MATERIALS_NOT_LIST',
    '/extra FORMULA_FIELD_UNKNOWN',
  ])
  t.strictSame(report({ name: 5 }), ['/materials FORMULA_MATERIALS_MISSING', '/name FORMULA_NAME_NOT_STRING'])
  t.strictSame(report({ materials: 5 }), ['/name FORMULA_NAME_MISSING', '/materials FORMULA_MATERIALS_NOT_LIST'])
  t.strictSame(report({ extra: 1, materials: [], name: '' }), [
    '/name FORMULA_NAME_INVALID',
    '/materials FORMULA_MATERIALS_COUNT',
    '/extra FORMULA_FIELD_UNKNOWN',
  ])
  t.strictSame(
    report([{ ...FORMULA, materials: [bad] }, { name: 'b' }]).at(-1),
    '/1/materials FORMULA_MATERIALS_MISSING',
  )
})

t.test('the same material twice in one formula is refused in any spelling, whatever its concentrations', async (t) => {
  const twins = [
    ['Straße', 'STRASSE'],
    ['ΟΔΟΣ', 'οδος'],
    ['Ｒｏｓｅ', ' rose '],
    ['Cafe\u0301', 'CAFÉ'],
    ['Iso  E', 'iso e'],
    ['ﬁg', 'FIG'],
  ] as const
  for (const [a, b] of twins) {
    const body = withMaterials({ name: a, concentration: 1 }, ROSE_OIL, { name: b, concentration: 2 })
    t.strictSame(report(body), ['/materials/2 MATERIAL_DUPLICATE'])
  }
  t.strictSame(report(withMaterials({ name: 'a', concentration: 'x' }, { name: 'A', concentration: 1 })), [
    '/materials/0/concentration MATERIAL_CONCENTRATION_NOT_DECIMAL',
    '/materials/1 MATERIAL_DUPLICATE',
  ])
  t.strictSame(report(withMaterials(ROSE, { name: 'Rosé', concentration: 1 })), [])
  t.strictSame(report([FORMULA, FORMULA]), [], 'twins in a list are no matter of validation')
})

t.test('1000 formulas and 500 materials are the most', async (t) => {
  t.strictSame(report(Array(1000).fill(FORMULA)), [])
  t.strictSame(report(Array(1001).fill(FORMULA)), [' FORMULA_LIST_TOO_LONG'])
  t.strictSame(report(Array(1001).fill(null)), [' FORMULA_LIST_TOO_LONG'])
  t.strictSame(report(withMaterials(...many(500))), [])
  t.strictSame(report(withMaterials(...many(501))), ['/materials FORMULA_MATERIALS_COUNT'])
  t.strictSame(report([FORMULA, withMaterials(...Array(501).fill(0))]), ['/1/materials FORMULA_MATERIALS_COUNT'])
})

t.test('an unknown field is named by an escaped JSON pointer', async (t) => {
  t.strictSame(report({ ...FORMULA, 'a/b~c': 1, '~1': 2, '': 3 }), [
    '/a~1b~0c FORMULA_FIELD_UNKNOWN',
    '/~01 FORMULA_FIELD_UNKNOWN',
    '/ FORMULA_FIELD_UNKNOWN',
  ])
  t.strictSame(report([withMaterials({ ...ROSE, '~/': 1 })]), ['/0/materials/0/~0~1 MATERIAL_FIELD_UNKNOWN'])
})

t.test('a hundred problems are told, and then no more', async (t) => {
  const unknown = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`x${index}`, 1]))
  const bodies = [
    Array(1000).fill(null),
    Array(1000).fill({}),
    { ...FORMULA, ...unknown },
    withMaterials(...Array(500).fill(null)),
    withMaterials(...Array(500).fill({ concentration: 'x' })),
    withMaterials({ ...ROSE, ...unknown }),
    [{ name: 'a' }, { ...FORMULA, ...unknown }, { name: 'b' }],
  ]
  for (const body of bodies) t.equal(problemsOf(body).length, 100)
  t.equal(report(Array(1000).fill({})).at(-1), '/49/materials FORMULA_MATERIALS_MISSING', 'the first hundred')
  t.equal(problemsOf([...Array(99).fill(null), {}]).length, 100, 'though the last formula has two')
})
