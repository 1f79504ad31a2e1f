import { test } from 'tap'
import { newRow } from '../../console/views/draft.js'
import { hasComma, pastedRows, placed, withPoint } from '../../console/views/pasted.js'

test('rows of a spreadsheet are names and concentrations, empty lines passed over', async (t) => {
  t.same(pastedRows('Rose\t12,5\r\n\r\n Linalool \t 3 \r\n', 'name'), [
    { name: 'Rose', concentration: '12,5' },
    { name: 'Linalool', concentration: '3' },
  ])
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
