import fc from 'fast-check'
import t from 'tap'
import { JsonNumber } from '../../src/formula/json.ts'
import { validateSubmission } from '../../src/formula/validate.ts'
import { FORMULA, parsed, ROSE, report, withMaterials } from '../support/formula/body.ts'
import { holds } from '../support/formula/property.ts'

t.test('__proto__ is an unknown field, and lends nothing to the formula', async (t) => {
  t.strictSame(report(parsed('{"__proto__":{"name":"a","materials":[{"name":"b","concentration":1}]}}')), [
    '/name FORMULA_NAME_MISSING',
    '/materials FORMULA_MATERIALS_MISSING',
    '/__proto__ FORMULA_FIELD_UNKNOWN',
  ])
  t.strictSame(report(parsed('{"name":"a","materials":[{"name":"b","concentration":1,"__proto__":null}]}')), [
    '/materials/0/__proto__ MATERIAL_FIELD_UNKNOWN',
  ])
  t.strictSame(
    report(parsed('{"constructor":1,"toString":1,"name":"a","materials":[{"name":"b","concentration":1}]}')),
    ['/constructor FORMULA_FIELD_UNKNOWN', '/toString FORMULA_FIELD_UNKNOWN'],
  )
  t.match(validateSubmission(withMaterials({ ...ROSE, name: '__proto__' })), { valid: true })
})

t.test('what a body inherits does not count', async (t) => {
  const heir = Object.assign(Object.create({ name: '', materials: [null] }), { other: 1 })
  t.strictSame(report(heir), [
    '/name FORMULA_NAME_MISSING',
    '/materials FORMULA_MATERIALS_MISSING',
    '/other FORMULA_FIELD_UNKNOWN',
  ])
  t.strictSame(report(withMaterials(Object.create({ name: '', concentration: '0' }))), [
    '/materials/0/name MATERIAL_NAME_MISSING',
    '/materials/0/concentration MATERIAL_CONCENTRATION_MISSING',
  ])
  const bare = Object.assign(Object.create(null), FORMULA)
  t.match(validateSubmission(bare), { valid: true }, 'an object without a prototype is a formula')
})

t.test('a body nested as deep as it can be is refused like any other', async (t) => {
  const deep = `${'['.repeat(500_000)}${']'.repeat(500_000)}`
  t.strictSame(report(parsed(deep)), ['/0 FORMULA_NOT_OBJECT'])
  t.strictSame(report(parsed(`{"name":${deep},"materials":${deep}}`)), [
    '/name FORMULA_NAME_NOT_STRING',
    '/materials/0 MATERIAL_NOT_OBJECT',
  ])
})

t.test('any JSON at all gives formulas or 1 to 100 problems, and never throws', async (t) => {
  const name = fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue())
  const concentration = fc.oneof(fc.float(), fc.string(), fc.constant(new JsonNumber('1e3')), fc.jsonValue())
  const material = fc.oneof(fc.record({ name, concentration }, { requiredKeys: [] }), fc.jsonValue())
  const formula = fc.record({ name, materials: fc.oneof(fc.array(material), fc.jsonValue()) }, { requiredKeys: [] })
  const body = fc.oneof(fc.jsonValue(), formula, fc.array(fc.oneof(formula, fc.jsonValue())))
  const property = fc.property(body, (body) => {
    const validation = validateSubmission(body)
    if (validation.valid) return validation.formulas.length === (Array.isArray(body) ? body.length : 1)
    return validation.problems.length >= 1 && validation.problems.length <= 100
  })
  holds(t, property, 2000)
})

t.test('what it gives back is valid as it stands and has the same id', async (t) => {
  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  const concentration = fc.oneof(fc.integer({ min: 1, max: 1e9 }), fc.stringMatching(/^[0-9]{1,5}\.[0-9]{1,5}[1-9]$/))
  const body = fc.record({ name, materials: fc.array(fc.record({ name, concentration }), { minLength: 1 }) })
  const property = fc.property(body, (body) => {
    const first = validateSubmission(body)
    if (!first.valid) return true
    const { id, ...again } = first.formulas[0] ?? { id: '' }
    const second = validateSubmission(again)
    return second.valid && second.formulas[0]?.id === id
  })
  holds(t, property, 500)
})
