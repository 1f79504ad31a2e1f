import { test } from 'tap'
import { decimalOf, minus, plus, sumOf, textOf, times } from '../../console/decimal.js'

const decimal = (text: string) => decimalOf(text) ?? { digits: 0n, places: 0 }

test('a total is exact, with more digits than a number holds', async (t) => {
  t.equal(sumOf(['0.1', '0.2']), '0.3')
  t.equal(sumOf(['999999999999.999999999999', '0.000000000001']), '1000000000000')
  t.equal(sumOf(['12', '.5', '5.']), '17.5')
  t.equal(sumOf([]), '0')
})

test('intermediate results may be negative, and products have all their digits', async (t) => {
  t.equal(textOf(minus(decimal('0.05'), decimal('1'))), '-0.95')
  t.equal(textOf(plus(minus(decimal('1'), decimal('2')), decimal('1.5'))), '0.5')
  t.equal(textOf(times(decimal('0.333333333333'), decimal('1.05'))), '0.34999999999965')
})

test('only plain decimals are numbers', async (t) => {
  for (const text of ['', '.', '1,5', '1e3', '-1', 'one', '1.2.3']) t.equal(decimalOf(text), null, text)
  t.equal(textOf(decimal(' 012.50 ')), '12.5')
})
