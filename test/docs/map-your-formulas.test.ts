import { test } from 'tap'
import { readPage, table } from '../support/docs/pages.ts'
import { formulasOf, type ShownFormula, startService } from '../support/http/service.ts'

const PAGE = 'docs/how-to/map-your-formulas.md'
const blocks = [...readPage(PAGE).matchAll(/```json\n(.*?)```/gs)].map(([, text = '']) => JSON.parse(text))
const [sheet, resolved, base, withBase, checked] = blocks as [
  ShownFormula,
  ShownFormula,
  ShownFormula,
  ShownFormula,
  object,
]

test('each formula of the page on mapping is taken in, adds up to 1000, and is another composition', async (t) => {
  const { post, submit } = await startService(t)
  t.same((await post('/formulas/check', resolved)).json(), checked, 'the answer to the check is as on the page')
  const stored = formulasOf(await submit([sheet, resolved, base, withBase]))
  t.equal(stored.length, 4)
  for (const { materials } of stored)
    t.equal(
      materials.reduce((sum, { concentration }) => sum + Number(concentration), 0),
      1000,
    )
  t.equal(withBase.metadata?.['base.142-3'], stored[2]?.id, 'the base is noted by its id')
})

test('the sheet of the page on mapping is the formula below it', async (t) => {
  const rows = table(PAGE, ['Ingredient', 'CAS', 'Parts'])
  const [name = '', , total] = rows.pop() ?? []
  t.match([name, total], [/^TOTAL/, '1000'])
  t.same(
    rows.map(([material, , parts]) => [material, parts]),
    sheet.materials.map(({ name, concentration }) => [name, concentration]),
  )
  t.equal(rows.map(([, cas]) => cas || '-').join(' '), sheet.metadata?.cas)
})

test('the materials that the page on mapping calls the same are, and no others', async (t) => {
  const { post } = await startService(t)
  const rows = table(PAGE, ['One sheet says', 'Another says', 'Same material', 'Why'])
  t.ok(rows.length > 5)
  for (const [one = '', other = '', expected] of rows) {
    const pair = [one, other].map((name) => ({ name: 'A', materials: [{ name, concentration: 1 }] }))
    const [, second] = formulasOf(await post('/formulas/check', pair))
    t.equal(second?.outcome, expected === 'yes' ? 'duplicate' : 'new', `${one}, ${other}`)
  }
  const spelt = ['12.50', '12.5', '1.25e1'].map((concentration) => ({
    name: 'A',
    materials: [{ name: 'Rose', concentration }],
  }))
  t.match(formulasOf(await post('/formulas/check', spelt)), [{}, { outcome: 'duplicate' }, { outcome: 'duplicate' }])
})

test('what the page on mapping says is no number is refused', async (t) => {
  const { post } = await startService(t)
  const [, line = ''] = /^- Not numbers: (.*?)\. Send/m.exec(readPage(PAGE)) ?? []
  const texts = [...line.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text)
  t.ok(texts.length > 3)
  for (const concentration of [...texts, '61.00000000000001']) {
    const answer = await post('/formulas/check', { name: 'A', materials: [{ name: 'Rose', concentration }] })
    t.match(answer.json(), { code: 'MATERIAL_CONCENTRATION_NOT_DECIMAL' }, concentration)
  }
})
