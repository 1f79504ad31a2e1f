import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { canonicalDecimal } from '../../src/formula/decimal.ts'
import { JsonNumber, parseExactJson } from '../../src/formula/json.ts'
import { holds } from '../support/formula/property.ts'

const parse = (text: string): unknown => parseExactJson(Buffer.from(text))

/** The canonical decimal of a parsed number, as the validation reads it. */
function decimalOf(value: unknown): string | null {
  if (value instanceof JsonNumber) return canonicalDecimal(value.source)
  return typeof value === 'number' ? canonicalDecimal(String(value)) : null
}

t.test('a number that a double would change keeps every digit', async (t) => {
  const sources = [
    ...['0.1000000000000000055', '123456789012.123456789012', '999999999999.999999999999'],
    ...['9007199254740993e-4', '1.00000000000000000001'],
  ]
  for (const source of sources) {
    t.strictSame(parse(`{"n":${source}}`), { n: new JsonNumber(source) }, source)
    t.strictSame(parse(` [ ${source} ] `), [new JsonNumber(source)], source)
    t.strictSame(parse(source), new JsonNumber(source), source)
  }
})

t.test('a long number is seen wherever it begins', async (t) => {
  const source = '99999999999.999999'
  for (let at = 0; at <= 33; at++) t.strictSame(parse(' '.repeat(at) + source), new JsonNumber(source), `after ${at}`)
})

t.test('a number that a double holds stays a number, however long the text around it', async (t) => {
  const shortNumbers = [0, 1, -1, -0, 10, 0.1, 1e21, 1e-7, 12.5, 123456789012345, -0.5]
  const numbers = JSON.stringify(shortNumbers)
  t.strictSame(parse(numbers), JSON.parse(numbers), 'alone')
  t.strictSame(
    parse(`[${numbers},"1234567890123456"]`),
    [JSON.parse(numbers), '1234567890123456'],
    'beside a digit run',
  )
  t.strictSame(parse('[1.000000000000000000, 12.12345678901200]'), [1, 12.123456789012], 'with zeros at the end')
  t.strictSame(parse('[0.0000000000000000000]'), [0], 'zero')
  t.strictSame(parse('[-1.50000000000000000]'), [-1.5], 'below zero, which no concentration is')
})

t.test('a number outside the range of a double is no valid concentration', async (t) => {
  for (const source of ['1e400', '-1e400', '1e-400', '123456789012345678901234567890', '1e00000000000000000400']) {
    t.equal(decimalOf(parse(source)), null, source)
  }
})

t.test('the last of duplicate fields counts, with long numbers or without', async (t) => {
  t.strictSame(parse('{"n":1,"n":0.1000000000000000055}'), { n: new JsonNumber('0.1000000000000000055') })
  t.strictSame(parse('{"n":0.1000000000000000055,"n":1}'), { n: 1 })
  t.strictSame(parse('{"n":[0.1000000000000000055],"n":0.1000000000000000056}'), {
    n: new JsonNumber('0.1000000000000000056'),
  })
  t.strictSame(parse('{"n":0.1000000000000000056,"n":{"m":0.1000000000000000055}}'), {
    n: { m: new JsonNumber('0.1000000000000000055') },
  })
})

t.test('a field called __proto__ is a field like any other', async (t) => {
  for (const number of ['1', '0.1000000000000000055']) {
    const parsed = parse(`{"__proto__":{"name":${number}}}`) as object
    t.ok(Object.hasOwn(parsed, '__proto__'))
    t.equal(Object.getPrototypeOf(parsed), Object.prototype)
    t.notOk('name' in parsed)
  }
})

t.test('one byte order mark is no part of the text', async (t) => {
  t.strictSame(parse('\ufeff{"a":1}'), { a: 1 })
  t.strictSame(parse('{"a":"\ufeff"}'), { a: '\ufeff' }, 'and one inside is kept')
  t.throws(() => parse('\ufeff\ufeff{"a":1}'), SyntaxError)
  t.throws(() => parse('\ufeff'), SyntaxError)
})

t.test('bytes that are no UTF-8 are refused, never replaced', async (t) => {
  const broken = [
    ...[[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0x80]],
    ...[[0xff, 0xfe, 0x22, 0x00]],
  ]
  for (const bytes of broken) {
    const text = Buffer.concat([Buffer.from('"'), Buffer.from(bytes), Buffer.from('"')])
    t.throws(() => parseExactJson(text), SyntaxError, text.toString('hex'))
  }
  t.throws(() => parseExactJson(Buffer.from('{"a":1}', 'utf16le')), SyntaxError)
  t.equal(parse('"Rosé 🌹"'), 'Rosé 🌹')
  t.equal(parse('"\\ud800"'), '\ud800', 'an escaped lone surrogate is left to the check of names')
})

t.test('what is no JSON is a SyntaxError, with long numbers and without', async (t) => {
  const broken = [...`{ [1,] {a:1} {'a':1} undefined NaN Infinity 01 +1 .5 5. 1e`.split(' '), '', ' ']
  for (const text of broken) {
    t.throws(() => parse(text), SyntaxError, text)
    t.throws(() => parse(`[1234567890123456789,${text}`), SyntaxError, text)
  }
  t.throws(() => parse('0001234567890123456789'), SyntaxError)
})

t.test('nesting as deep as a body can be throws nothing but a SyntaxError', async (t) => {
  for (const depth of [1_000, 100_000, 500_000]) {
    for (const inner of ['1', '"1234567890123456"', '0.1000000000000000055', '']) {
      for (const [open, close] of [
        ['[', ']'],
        ['{"a":', '}'],
      ] as const) {
        for (const text of [open.repeat(depth) + inner + close.repeat(depth), open.repeat(depth) + inner]) {
          try {
            parse(text)
          } catch (error) {
            if (!(error instanceof SyntaxError)) t.fail(`${depth} × ${open} ${inner}: ${String(error)}`)
          }
        }
      }
    }
  }
  t.strictSame(parse('[[[0.1000000000000000055]]]'), [[[new JsonNumber('0.1000000000000000055')]]])
})

t.test('a number of a million digits is read without delay', async (t) => {
  const digits = '1'.repeat(1 << 20)
  t.equal(decimalOf(parse(digits)), null)
  t.strictSame(parse(`[1${'0'.repeat(1 << 20)}e-${1 << 20}]`), [1])
})

t.test('without long numbers it gives what JSON.parse gives', async (t) => {
  const property = fc.property(fc.jsonValue(), fc.boolean(), (value, withLong) => {
    const text = JSON.stringify(withLong ? [value, '1234567890123456'] : [value])
    const parsed = parse(text) as unknown[]
    const plain = JSON.parse(text) as unknown[]
    return isDeepStrictEqual(numbersAsDoubles(parsed), plain)
  })
  holds(t, property)
})

t.test('a number in a body is read as the same decimal as its text', async (t) => {
  const whole = fc.oneof(fc.constant('0'), fc.stringMatching(/^[1-9][0-9]{0,11}$/))
  const fraction = fc.stringMatching(/^[0-9]{1,12}$/)
  const exponent = fc.oneof(fc.constant(''), fc.stringMatching(/^[eE][+-]?[0-9]{1,2}$/))
  const property = fc.property(
    whole,
    fc.option(fraction),
    exponent,
    fc.boolean(),
    (whole, fraction, exponent, long) => {
      const text = `${whole}${fraction === null ? '' : `.${fraction}`}${exponent}`
      const body = parse(`{"n":${text}${long ? ',"long":1234567890123456' : ''}}`) as { n: unknown }
      return decimalOf(body.n) === canonicalDecimal(text)
    },
  )
  holds(t, property, 5000)
})

/** Doubles print up to 17 digits, which may come back as they were written. */
function numbersAsDoubles(value: unknown): unknown {
  if (value instanceof JsonNumber) return Number(value.source)
  if (Array.isArray(value)) return value.map(numbersAsDoubles)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, numbersAsDoubles(inner)]))
}
