import fc from 'fast-check'
import t from 'tap'
import { canonicalDecimal, DECIMAL_DIGITS } from '../../src/formula/decimal.ts'
import { holds } from '../support/formula/property.ts'

/** A concentration counted in units of 1e-12, which every canonical decimal is a whole number of. */
const UNIT = 10n ** BigInt(DECIMAL_DIGITS)
const LARGEST = UNIT * UNIT - 1n

const units = fc.oneof(
  fc.bigInt({ min: 1n, max: LARGEST }),
  fc.bigInt({ min: 1n, max: 1000n }),
  fc.tuple(fc.bigInt({ min: 1n, max: 9999n }), fc.nat({ max: 20 })).map(([n, zeros]) => n * 10n ** BigInt(zeros)),
)

const fixed = (count: bigint): string => `${count / UNIT}.${String(count % UNIT).padStart(DECIMAL_DIGITS, '0')}`

/** The value of a canonical decimal, by arithmetic that the code under test has no part in. */
function value(canonical: string): bigint {
  const [whole = '', fraction = ''] = canonical.split('.')
  return BigInt(whole) * UNIT + BigInt(fraction.padEnd(DECIMAL_DIGITS, '0'))
}

/** Other ways of writing a decimal with a point in it. */
const respelling = fc.record({
  plus: fc.boolean(),
  leading: fc.nat({ max: 30 }),
  trailing: fc.nat({ max: 30 }),
  bare: fc.boolean(),
  exponent: fc.option(
    fc.record({
      shift: fc.integer({ min: -60, max: 60 }),
      letter: fc.constantFrom('e', 'E'),
      sign: fc.constantFrom('', '+'),
      zeros: fc.nat({ max: 3 }),
    }),
  ),
})

function respell(text: string, how: typeof respelling extends fc.Arbitrary<infer How> ? How : never): string {
  let [whole = '', fraction = ''] = text.split('.')
  let exponent = ''
  if (how.exponent !== null) {
    const { shift, letter, sign, zeros } = how.exponent
    const digits = `${'0'.repeat(60)}${whole}${fraction}${'0'.repeat(60)}`
    const point = 60 + whole.length - shift
    whole = digits.slice(0, point)
    fraction = digits.slice(point)
    exponent = `${letter}${shift < 0 ? '-' : sign}${'0'.repeat(zeros)}${Math.abs(shift)}`
  }
  if (how.bare) {
    whole = whole.replace(/^0+/, '')
    fraction = fraction.replace(/0+$/, '')
  } else {
    whole = '0'.repeat(how.leading) + whole
    fraction += '0'.repeat(how.trailing)
  }
  const mantissa = whole === '' || fraction !== '' || !how.bare ? `${whole}.${fraction}` : `${whole}.`
  return `${how.plus ? '+' : ''}${mantissa}${exponent}`
}

t.test('a decimal is written without exponent, sign and superfluous zeros', async (t) => {
  const examples = [
    ['10.0', '10'],
    ['.50', '0.5'],
    ['5.', '5'],
    ['1e1', '10'],
    ['1E+1', '10'],
    ['+1e1', '10'],
    ['10e-1', '1'],
    ['1000e-2', '10'],
    ['0.001e3', '1'],
    ['12.345e1', '123.45'],
    ['007', '7'],
    ['12.123456789012', '12.123456789012'],
    ['999999999999.999999999999', '999999999999.999999999999'],
    ['0.000000000001', '0.000000000001'],
    ['1e-12', '0.000000000001'],
    ['1e11', '100000000000'],
    ['000000000000000000001', '1'],
    ['1.000000000000000000000', '1'],
  ] as const
  for (const [text, canonical] of examples) t.equal(canonicalDecimal(text), canonical, text)
})

t.test('what is no decimal above zero is refused', async (t) => {
  const refused = [
    ...['NaN', 'Infinity', '+Infinity', '-Infinity', '0x10', '0X1', '0b1', '0o7', '1_000', '1,5', '1.000,5', '1 000'],
    ...['-1', '-0', '-0.5', '--1', '++1', '+-1', '+', '0', '+0', '0.0', '.0', '0.', '0e5', '.000e-3', ''],
    ...[' ', '\t', '\n', ' 1', '1 ', '1\n', '\n1', '\ufeff1', '1\u00a0', '1 e1', '1e 1', '.', '+.', '.e1', 'e1', '1e'],
    ...['1e+', '1e1.5', '1e1e1', '1.2.3', '..5', '5..', '1n', '1f', '10%', '½', '\u0661', '１', '²', '1\u0660'],
  ]
  for (const text of refused) t.equal(canonicalDecimal(text), null, JSON.stringify(text))
})

t.test('thirteen digits on either side of the point are refused, not rounded', async (t) => {
  const refused = [
    ...['1000000000000', '1e12', '9999999999999', '0.0000000000001', '1e-13', '0.1000000000000000055'],
    ...['1.0000000000001', '999999999999.9999999999999', '0.00000000000011', '0.5e-12', '12345678901234567890e-7'],
  ]
  for (const text of refused) t.equal(canonicalDecimal(text), null, text)
})

t.test('a decimal in canonical form stays as it is', async (t) => {
  const property = fc.property(units, (count) => {
    const canonical = canonicalDecimal(fixed(count))
    return canonical !== null && value(canonical) === count && canonicalDecimal(canonical) === canonical
  })
  holds(t, property)
})

t.test('every spelling of a decimal has the same canonical form', async (t) => {
  const property = fc.property(units, respelling, (count, how) => {
    return canonicalDecimal(respell(fixed(count), how)) === canonicalDecimal(fixed(count))
  })
  holds(t, property, 1000)
})

t.test('two decimals have the same canonical form only when they are the same number', async (t) => {
  const near = fc.tuple(units, fc.bigInt({ min: -2n, max: 2n })).map(([count, step]) => [count, count + step] as const)
  const twins = fc.oneof(fc.tuple(units, units), near).filter(([, b]) => b > 0n && b <= LARGEST)
  const property = fc.property(twins, respelling, respelling, ([a, b], howA, howB) => {
    const same = canonicalDecimal(respell(fixed(a), howA)) === canonicalDecimal(respell(fixed(b), howB))
    return same === (a === b)
  })
  holds(t, property, 1000)
})

t.test('canonical form is given exactly when the number lies within the limits', async (t) => {
  const digits = fc.stringMatching(/^[0-9]{1,30}$/)
  const property = fc.property(digits, digits, fc.integer({ min: -40, max: 40 }), (whole, fraction, exponent) => {
    const scaled = BigInt(whole + fraction) * 10n ** 60n
    const shift = exponent - fraction.length + DECIMAL_DIGITS - 60
    const power = 10n ** BigInt(Math.abs(shift))
    const exact = shift >= 0 || scaled % power === 0n
    const count = shift >= 0 ? scaled * power : scaled / power
    const canonical = canonicalDecimal(`${whole}.${fraction}e${exponent}`)
    const fits = exact && count > 0n && count <= LARGEST
    return fits ? canonical !== null && value(canonical) === count : canonical === null
  })
  holds(t, property, 1000)
})

t.test('an exponent of any size is read without writing its zeros', async (t) => {
  for (const text of ['1e999999999', '1e-999999999', `1e${'9'.repeat(10_000)}`, `1e-${'9'.repeat(10_000)}`]) {
    t.equal(canonicalDecimal(text), null, text.slice(0, 20))
  }
  t.equal(canonicalDecimal(`1e${'0'.repeat(10_000)}1`), '10')
  t.equal(canonicalDecimal(`0e${'9'.repeat(400)}`), null, 'nothing times infinity is refused')
})

t.test('ten thousand digits are read, and a body full of them is refused without delay', async (t) => {
  t.equal(canonicalDecimal(`${'0'.repeat(10_000)}1`), '1')
  t.equal(canonicalDecimal(`1.5${'0'.repeat(10_000)}`), '1.5')
  t.equal(canonicalDecimal(`1${'0'.repeat(10_000)}e-10000`), '1')
  t.equal(canonicalDecimal(`0.${'0'.repeat(9_999)}1e10000`), '1')
  t.equal(canonicalDecimal('7'.repeat(10_000)), null)
  const long = 1 << 20
  for (const text of ['1'.repeat(long), `.${'1'.repeat(long)}`, `1e${'1'.repeat(long)}`, '0'.repeat(long)]) {
    t.equal(canonicalDecimal(text), null)
    t.equal(canonicalDecimal(`${text}x`), null, 'a digit run with a wrong end would take hours if it were quadratic')
  }
})

t.test('no text makes it throw', async (t) => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[+\-.eE0-9]*$/))
  const property = fc.property(text, (text) => {
    const canonical = canonicalDecimal(text)
    return canonical === null || canonicalDecimal(canonical) === canonical
  })
  holds(t, property, 1000)
})
