import t from 'tap'
import { writeDocument } from '../../src/formula/formula.ts'
import { validateSubmission } from '../../src/formula/validate.ts'
import { payloadHash } from '../../src/submission/submission.ts'
import { FORMULA, parsed, report } from '../support/formula/body.ts'

const formulasWith = (metadata: string) => {
  const validation = validateSubmission(
    parsed(`{"name":"Rose","materials":[{"name":"Linalool","concentration":1}]${metadata}}`),
  )
  if (!validation.valid) throw new Error(JSON.stringify(validation.problems))
  return validation.formulas
}
const documentOf = (metadata: string): string => {
  const [formula] = formulasWith(metadata)
  if (formula === undefined) throw new Error('There is no formula')
  return writeDocument(formula, { createdAt: 'now', submittedBy: 'lab' })
}

t.test('metadata is stored in code-unit order of keys, those that look like numbers included', async (t) => {
  t.equal(
    documentOf(',"metadata":{"b":"","a":"é\\"","9":"x","10":"y","B":"z"}'),
    '{"name":"Rose","materials":[{"name":"Linalool","concentration":"1"}],"createdAt":"now","metadata":{"10":"y","9":"x","B":"z","a":"é\\"","b":""},"submittedBy":"lab"}',
  )
})

t.test('empty metadata counts as absent', async (t) => {
  t.equal(documentOf(',"metadata":{}'), documentOf(''))
})

t.test('metadata is part of the payload whatever its order, and no part of the composition', async (t) => {
  const [plain, noted, reordered] = ['', ',"metadata":{"a":"1","b":"2"}', ',"metadata":{"b":"2","a":"1"}'].map(
    formulasWith,
  )
  const hashOf = (formulas: typeof plain = []) => payloadHash({ onDuplicate: 'reject', formulas })
  t.not(hashOf(noted), hashOf(plain))
  t.equal(hashOf(noted), hashOf(reordered))
  t.equal(noted?.[0]?.id, plain?.[0]?.id)
})

t.test('an entry that breaks the rules is named by its path', async (t) => {
  const cases: [metadata: unknown, ...paths: string[]][] = [
    [null, '/metadata'],
    ['text', '/metadata'],
    [[], '/metadata'],
    [Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, ''])), '/metadata'],
    [{ '': 'x', 'a b': 'x', ['x'.repeat(41)]: 'x' }, '/metadata/', '/metadata/a b', `/metadata/${'x'.repeat(41)}`],
    [JSON.parse('{"__proto__":"x"}'), '/metadata/__proto__'],
    [{ a: 1, b: null, c: {}, d: 'ok' }, '/metadata/a', '/metadata/b', '/metadata/c'],
    [{ a: 'tab\t', b: '\ud800', c: 'x'.repeat(501) }, '/metadata/a', '/metadata/b', '/metadata/c'],
    [{ 'a/b~': 'x' }, '/metadata/a~1b~0'],
  ]
  for (const [metadata, ...paths] of cases) {
    t.strictSame(
      report({ ...FORMULA, metadata }),
      paths.map((path) => `${path} METADATA_INVALID`),
    )
  }
  const most = Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`k${n}`.padEnd(40, '.'), '🌹'.repeat(500)]))
  t.strictSame(report({ ...FORMULA, metadata: most }), [])
})
