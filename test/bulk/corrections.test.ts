import { test } from 'tap'
import { corrected, rounded, sumOf } from '../../src/bulk/corrections.ts'
import { totalsIn } from '../../src/bulk/files/table-formulas.ts'

test('rounding is exact, half up, and leaves alone what needs none, is no decimal or would be zero', async (t) => {
  for (const [text, digits, expected] of [
    ['61.00000000000001', 12, '61'],
    ['33.333333333333336', 12, '33.333333333333'],
    ['0.30000000000000004', 12, '0.3'],
    ['0.1234567890125', 12, '0.123456789013'],
    ['0.12345678901249999999999999', 12, '0.123456789012'],
    ['9.9999999999999', 12, '10'],
    ['1.5', 0, '2'],
    ['1.23456E1', 2, '12.35'],
    ['123456e-4', 2, '12.35'],
    ['12.50', 2, '12.50'],
    ['1e-13', 12, '1e-13'],
    ['1e-999999999', 12, '1e-999999999'],
    ['-1.23456', 2, '-1.23456'],
    ['q.s.', 2, 'q.s.'],
  ] as const) {
    t.equal(rounded(text, digits), expected, text)
  }
})

test('sums are exact', async (t) => {
  t.equal(sumOf(['0.1', '0.2']), '0.3')
  t.equal(sumOf(['999999999999.999999999999', '0.000000000001']), '1000000000000')
  t.equal(sumOf(['1e1', '.5', '5.']), '15.5')
  t.equal(sumOf(['1', 'x']), null)
})

const row = (concentrations: [string, unknown][], others = {}) => ({
  line: 2,
  materialLines: concentrations.map((_, index) => index + 2),
  json: JSON.stringify({
    name: 'A',
    materials: concentrations.map(([name, concentration]) => ({ name, concentration })),
    ...others,
  }),
})
const both = { round: 12, sumRepeated: true }

test('repeated materials are matched as the service compares names; the sum keeps the first place and line', async (t) => {
  const given = row([
    ['Rose', '1.5'],
    ['Musk', '2'],
    ['ROSE  oil', '4'],
    ['rose', '0.25'],
    [' Rose oil', '1'],
  ])
  t.same(corrected(given, both), {
    line: 2,
    materialLines: [2, 3, 4],
    json: '{"name":"A","materials":[{"name":"Rose","concentration":"1.75"},{"name":"Musk","concentration":"2"},{"name":"ROSE  oil","concentration":"5"}]}',
  })
})

test('JSON numbers are rounded from their exact digits, and those not rounded keep them all, as metadata is kept', async (t) => {
  const json =
    '{"name":"A","metadata":{"trial":"7","0.10":"1.10"},"note":1.10,"materials":[{"name":"Rose","concentration":33.3333333333335000000000000001},{"name":"Musk","concentration":123456789012.123456789012}]}'
  t.equal(
    corrected({ line: 1, json }, both).json,
    '{"name":"A","metadata":{"trial":"7","0.10":"1.10"},"note":1.10,"materials":[{"name":"Rose","concentration":"33.333333333334"},{"name":"Musk","concentration":"123456789012.123456789012"}]}',
  )
})

test('what the service would refuse, or needs no correction, is left as it is', async (t) => {
  for (const given of [
    row([['Rose', '1']]),
    row([
      ['Rose', 'x'],
      ['Rose', '1'],
    ]),
    row([['Rose', null]]),
    { line: 1, json: '5' },
    { line: 1, json: '{"materials":[5]}' },
    { line: 1, json: '{"materials":[{"name":"Rose","concentration":"1.00000000000001","note":"x"}]}' },
  ]) {
    t.equal(corrected(given, both), given)
  }
  const long = row([['Rose', '1.00000000000001']])
  t.equal(corrected(long, { round: null, sumRepeated: false }), long)
})

test('a formula that is nested too deeply for a reviver is left for the service to refuse', async (t) => {
  const json = `{"name":"A","materials":[{"name":"Rose","concentration":0.00000000000001}],"x":${'['.repeat(50_000)}${']'.repeat(50_000)}}`
  const given = { line: 1, json }
  t.equal(corrected(given, both), given)
})

test('rows that look like totals are distinguished from materials', async (t) => {
  const found = (...pairs: [string, string][]) =>
    totalsIn(pairs.map(([name, concentration]) => ({ name, concentration }))).map(({ index }) => index)
  const totals = ['TOTAL', 'Total:', 'total (%)', 'Total général', 'Grand Total', 'Sub-total', 'Summe', 'Gesamtsumme']
  for (const name of [...totals, 'Σ', '=100', '100 %', '合計']) {
    t.same(found(['Rose', '1'], [name, '3']), [1], name)
  }
  const materials = ['Totally Musk', 'Sumatra benzoin', 'Somalian olibanum', 'Iso E Super', 'Σ-Damascone', 'C12']
  for (const name of [...materials, '']) {
    t.same(found(['Rose', '1'], [name, '3']), [], name)
  }
  t.same(found(['Rose', '60'], ['Musk', '40.0'], ['All', '100']), [2], 'the sum of all others')
  t.same(found(['Rose', '10'], ['Musk', '40'], ['Alcohol', '50']), [], 'a material may be half of all')
})
