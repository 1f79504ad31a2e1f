import { canonicalDecimal, DECIMAL, DECIMAL_DIGITS } from '../formula/decimal.ts'

/** The exact sum of decimals; null when one of them is no concentration. */
export function sumOf(decimals: string[]): string | null {
  let units = 0n
  for (const decimal of decimals) {
    const canonical = canonicalDecimal(decimal)
    if (canonical === null) return null
    units += unitsOf(canonical)
  }
  return written(units, DECIMAL_DIGITS)
}

/** How many times a canonical decimal holds the smallest one. */
function unitsOf(canonical: string): bigint {
  const [whole, fraction = ''] = canonical.split('.')
  return BigInt(whole + fraction.padEnd(DECIMAL_DIGITS, '0'))
}

/** No decimal that is worth rounding has an exponent of more digits. */
const EXPONENT_DIGITS = 3

/**
 * Rounds a decimal to so many digits after the point, half up.
 * @returns the text as it is when it is no decimal, has no more digits, or would become zero
 */
export function rounded(text: string, digits: number): string {
  const [, mantissa, exponent = '0'] = DECIMAL.exec(text) ?? []
  if (mantissa === undefined || exponent.replace(/^[+-]/, '').length > EXPONENT_DIGITS) return text
  const [whole = '', fraction = ''] = mantissa.split('.')
  const surplus = fraction.length - Number(exponent) - digits
  if (surplus <= 0) return text
  const step = 10n ** BigInt(surplus)
  const units = (BigInt(whole + fraction) + step / 2n) / step
  return units === 0n ? text : written(units, digits)
}

function written(units: bigint, digits: number): string {
  const text = String(units).padStart(digits + 1, '0')
  const point = text.length - digits
  const fraction = text.slice(point).replace(/0+$/, '')
  return fraction === '' ? text.slice(0, point) : `${text.slice(0, point)}.${fraction}`
}
