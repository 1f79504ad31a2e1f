/**
 * An exact decimal: `digits` shifted by `places`. Concentrations have more digits than a number holds.
 * @typedef {{ digits: bigint, places: number }} Decimal
 */

const PLAIN = /^(?=\.?\d)(\d*)\.?(\d*)$/

/**
 * @param {string} text
 * @returns {Decimal | null} null where it is no plain decimal
 */
export function decimalOf(text) {
  const [, whole, fraction = ''] = PLAIN.exec(text.trim()) ?? []
  return whole === undefined ? null : { digits: BigInt(whole + fraction), places: fraction.length }
}

/**
 * @param {Decimal} decimal
 * @param {number} places at least its own
 */
const scaled = ({ digits, places: own }, places) => digits * 10n ** BigInt(places - own)

/**
 * @param {Decimal} a
 * @param {Decimal} b
 * @returns {Decimal}
 */
export function plus(a, b) {
  const places = Math.max(a.places, b.places)
  return { digits: scaled(a, places) + scaled(b, places), places }
}

/**
 * @param {Decimal} a
 * @param {Decimal} b
 */
export const minus = (a, b) => plus(a, { ...b, digits: -b.digits })

/**
 * @param {Decimal} a
 * @param {Decimal} b
 * @returns {Decimal}
 */
export const times = (a, b) => ({ digits: a.digits * b.digits, places: a.places + b.places })

/** @type {Decimal} */
export const ZERO = { digits: 0n, places: 0 }

/**
 * The decimal as text, without superfluous zeros.
 * @param {Decimal} decimal
 */
export function textOf({ digits, places }) {
  const [sign, size] = digits < 0n ? ['-', -digits] : ['', digits]
  const text = String(size).padStart(places + 1, '0')
  const whole = text.slice(0, text.length - places)
  const fraction = text.slice(text.length - places).replace(/0+$/, '')
  return sign + whole + (fraction && `.${fraction}`)
}

/**
 * The exact sum of stored concentrations.
 * @param {string[]} concentrations
 */
export const sumOf = (concentrations) =>
  textOf(concentrations.reduce((sum, text) => plus(sum, decimalOf(text) ?? ZERO), ZERO))
