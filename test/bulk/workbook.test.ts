import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import writeExcelFile from 'write-excel-file/node'
import { startListening } from '../support/http/service.ts'
import { runImport } from '../support/run-bulk.ts'
import { call } from '../support/service-process.ts'

type Value = string | number | null

/** A workbook with these cells: numbers as numbers, as a spreadsheet stores them. */
const workbook = (rows: Value[][]): Promise<Buffer> =>
  writeExcelFile(
    rows.map((row) =>
      row.map((value) => (typeof value === 'number' ? { value, type: Number } : { value: value ?? '' })),
    ),
  ).toBuffer()

const SHEET: Value[][] = [
  ['Ingredient', 'Formula', 'concentration', 'Remark', null],
  ['Rose Absolute', 'Rose Garden', 12.5, 'a', null],
  [null, null, null, null, null],
  ['Linalool', 'Rose Garden ', 3.25, null, null],
  ['Limonene', 'Citrus', 0.1 + 0.2, null, null],
  ['Cedarwood', 'Cedar', '7,5', null, null],
  ['Musk', 'Torn', 1, null, null],
  ['Amber', 'Whole', 0.00001, null, null],
  ['Iris', 'Torn', 2, null, null],
]

test('a workbook is imported like other tables: whole formulas, exact digits and the same options', async (t) => {
  const file = join(t.testdir(), 'sheet.xlsx')
  writeFileSync(file, await workbook(SHEET))
  const { url } = await startListening(t)
  const args = ['--map', 'ingredient=material', '--ignore-unknown', '--decimal', ',', '--concurrency', '1']
  const { code, stdout } = await runImport(url, [file, ...args])
  t.equal(code, 2)
  t.match(stdout, [
    /^line 7: The rows of this formula .* on lines 7, 9/,
    /^line 5: .*--round 12/,
    '3 added, 0 known already, 2 refused',
  ])
  const { formulas } = await call<{ formulas: object[] }>(url, '/formulas')
  t.match(formulas, [
    { name: 'Whole', materials: [{ concentration: '0.00001' }] },
    { name: 'Cedar', materials: [{ concentration: '7.5' }] },
    {
      name: 'Rose Garden',
      materials: [
        { name: 'Rose Absolute', concentration: '12.5' },
        { name: 'Linalool', concentration: '3.25' },
      ],
    },
  ])
})

test('a file that is not a workbook, and options for text files, are refused in one line', async (t) => {
  const file = join(t.testdir({ 'no.xlsx': 'formula,material,concentration' }), 'no.xlsx')
  const { url } = await startListening(t)
  for (const [args, message] of [
    [[], /is not a readable \.xlsx workbook/],
    [['--encoding', 'utf-8'], /--encoding is not for xlsx files/],
    [['--delimiter', ';'], /--delimiter is not for xlsx files/],
  ] as const) {
    const { code, stderr } = await runImport(url, [file, ...args])
    t.equal(code, 1)
    t.match(stderr.join('\n'), message)
  }
})
