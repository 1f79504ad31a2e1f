import { canonicalDecimal, DECIMAL, DECIMAL_DIGITS } from '../formula/decimal.ts'

/** @returns the exact sum; null when one of them is not a valid concentration */
export function sumOf(decimals: string[]): string | null {
  let units = 0n
  for (const decimal of decimals) {
    const canonical = canonicalDecimal(decimal)
    if (canonical === null) return null
    const [whole, fraction = ''] = canonical.split('.')
    units += BigInt(whole + fraction.padEnd(DECIMAL_DIGITS, '0'))
  }
  return toDecimal(units, DECIMAL_DIGITS)
}

/** No decimal that is worth rounding has an exponent of more digits. */
const EXPONENT_DIGITS = 3

/**
 * Rounds a decimal to a number of digits after the point, half up.
 * @returns the unchanged text when it is not a decimal, has no more digits, or would become zero
 */
export function rounded(text: string, digits: number): string {
  const [, mantissa, exponent = '0'] = DECIMAL.exec(text) ?? []
  if (mantissa === undefined || exponent.replace(/^[+-]/, '').length > EXPONENT_DIGITS) return text
  const [whole = '', fraction = ''] = mantissa.split('.')
  const surplus = fraction.length - Number(exponent) - digits
  if (surplus <= 0) return text
  const step = 10n ** BigInt(surplus)
  const units = (BigInt(whole + fraction) + step / 2n) / step
  return units === 0n ? text : toDecimal(units, digits)
}

/** @param units multiples of 10^-digits */
function toDecimal(units: bigint, digits: number): string {
  const text = String(units).padStart(digits + 1, '0')
  const point = text.length - digits
  const fraction = text.slice(point).replace(/0+$/, '')
  return fraction === '' ? text.slice(0, point) : `${text.slice(0, point)}.${fraction}`
}
