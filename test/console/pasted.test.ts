import { test } from 'tap'
import { newRow } from '../../console/views/draft.js'
import { decimalCommas, hasComma, pastedRows, placed, withPoint } from '../../console/views/pasted.js'

test('rows of a spreadsheet are names and concentrations, each in its own place also after an empty line', async (t) => {
  t.same(pastedRows('Rose\t12,5\r\n\r\n Linalool \t 3 \r\n', 'name'), [
    { name: 'Rose', concentration: '12,5' },
    { name: '', concentration: '' },
    { name: 'Linalool', concentration: '3' },
  ])
  t.same(
    pastedRows('Rose\t\nIris\nLinalool\t3', 'concentration'),
    [
      { name: 'Rose', concentration: '' },
      { name: 'Iris', concentration: '' },
      { name: 'Linalool', concentration: '3' },
    ],
    'a row that lacks its second cell has an empty one',
  )
})

test('an empty cell of a column keeps its place, so that no concentration moves to another material', async (t) => {
  const [one, none, three] = ['1', '', '3'].map((concentration) => ({ concentration }))
  t.same(pastedRows('1\n\n3', 'concentration'), [one, none, three])
  t.same(pastedRows('\r\n1\r\n3\r\n', 'concentration'), [none, one, three])
  t.same(pastedRows('1\r \r3\r\r\r', 'concentration'), [one, none, three], 'only those at the end are none')
  t.same(pastedRows('1\t\n\t\n3\t\n', 'concentration'), [one, none, three], 'with an empty column beside it')
})

test('a cell in quotes is read as the spreadsheet showed it, on one line', async (t) => {
  t.same(pastedRows('"Rose\r\nAbsolute"\t1\n"Iris ""Butter"""\t"2"\n"Oud"\t3', 'name'), [
    { name: 'Rose Absolute', concentration: '1' },
    { name: 'Iris "Butter"', concentration: '"2"' },
    { name: '"Oud"', concentration: '3' },
  ])
  t.same(pastedRows('"Rose\nAbsolute"\n', 'name'), [{ name: 'Rose Absolute' }], 'a cell alone')
  t.same(pastedRows('"A" or "B"\n"C', 'name'), [{ name: '"A" or "B"' }, { name: '"C' }], 'quotes of the name itself')
})

test('a column alone goes where it is pasted, and a text for one field is left to the browser', async (t) => {
  t.same(pastedRows('1\n2', 'concentration'), [{ concentration: '1' }, { concentration: '2' }])
  t.equal(pastedRows('Rose Absolute\n', 'name'), null)
})

test('pasted rows go over what is there, and lengthen the list', async (t) => {
  const rows = [newRow(), newRow()]
  const after = placed(rows, 1, [{ name: 'Rose', concentration: '1' }, { name: 'Iris' }], newRow)
  t.match(after, [rows[0], { id: rows[1]?.id, name: 'Rose', concentration: '1' }, { name: 'Iris', concentration: '' }])
  t.equal(after.length, 3)
})

test('only a comma between digits may be a decimal one', async (t) => {
  for (const concentration of ['1,5', ' 22,125 ']) t.ok(hasComma({ concentration }))
  for (const concentration of ['1.5', '1,000.5', ',', '1,2,3', '']) t.notOk(hasComma({ concentration }))
  t.equal(withPoint(' 22,125 '), '22.125')
})

test('a comma beside a point in the same rows is not taken for a decimal one', async (t) => {
  const [comma, point, both] = [{ concentration: '1,000' }, { concentration: '2.5' }, { concentration: '1.000,5' }]
  const nameless: { concentration?: string }[] = [comma, { concentration: '3' }, {}]
  t.same(decimalCommas(nameless), [comma])
  t.same(decimalCommas([comma, point]), [], 'it separates thousands')
  t.same(decimalCommas([comma, both]), [], 'or the points do')
})
