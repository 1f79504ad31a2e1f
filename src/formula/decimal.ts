/** Maximum number of digits of a concentration on either side of the point, in canonical form. */
export const DECIMAL_DIGITS = 12

/**
 * The syntax of a decimal; size and length are checked later. Each digit can match in one place only: otherwise refusing a
 * long run of digits would take quadratic time.
 */
export const DECIMAL = /^\+?(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d+))?$/

/** The canonical form; most concentrations arrive in it. */
export const CANONICAL = new RegExp(
  `^(?:0|[1-9]\\d{0,${DECIMAL_DIGITS - 1}})\\.\\d{0,${DECIMAL_DIGITS - 1}}[1-9]$|^[1-9]\\d{0,${DECIMAL_DIGITS - 1}}$`,
)

/**
 * Converts a positive decimal to canonical form: no exponent, no sign, no redundant zeros. It works on the digits, so that
 * no value is rounded, and checks the length first, so that `1e999999999` costs nothing.
 * @param text a decimal such as `10.0`, `.50`, `5.` or `+1e1`
 * @returns the canonical form (`10`, `0.5`, `5`, `10`), or null when `text` is not a decimal, not above zero, or has more
 *   than `DECIMAL_DIGITS` digits before or after the point
 */
export function canonicalDecimal(text: string): string | null {
  if (CANONICAL.test(text)) return text
  const match = DECIMAL.exec(text)
  if (match === null) return null
  const mantissa = match[1] as string
  const point = mantissa.indexOf('.')
  const digits = point < 0 ? mantissa : mantissa.slice(0, point) + mantissa.slice(point + 1)
  const first = firstSignificant(digits)
  if (first === digits.length) return null
  const end = lastSignificant(digits) + 1
  const wholeDigits = (point < 0 ? digits.length : point) + Number(match[2] ?? 0) - first
  const fractionDigits = end - first - wholeDigits
  if (wholeDigits > DECIMAL_DIGITS || fractionDigits > DECIMAL_DIGITS) return null
  return write(digits.slice(first, end), wholeDigits)
}

/** A canonical decimal as a number of units of 10^-`DECIMAL_DIGITS`; any canonical decimal is a whole number of them. */
export function toUnits(decimal: string): bigint {
  const [whole = '', fraction = ''] = decimal.split('.')
  return BigInt(whole + fraction.padEnd(DECIMAL_DIGITS, '0'))
}

/**
 * @param digits without zeros at either end
 * @param whole the number of digits before the point; negative for zeros after the point
 */
function write(digits: string, whole: number): string {
  if (whole <= 0) return `0.${'0'.repeat(-whole)}${digits}`
  if (whole >= digits.length) return digits + '0'.repeat(whole - digits.length)
  return `${digits.slice(0, whole)}.${digits.slice(whole)}`
}

function firstSignificant(digits: string): number {
  let index = 0
  while (index < digits.length && digits.charCodeAt(index) === 48) index++
  return index
}

function lastSignificant(digits: string): number {
  let index = digits.length - 1
  while (digits.charCodeAt(index) === 48) index--
  return index
}
