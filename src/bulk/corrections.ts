import { canonicalDecimal, DECIMAL, DECIMAL_DIGITS, toUnits } from '../formula/decimal.ts'
import { MATERIAL_NAME_LENGTH } from '../formula/formula.ts'
import { checkName, nameIdentity } from '../formula/identity.ts'
import type { Row } from './files/row.ts'

/** Changes that an import makes to formulas, if asked to. */
export interface Corrections {
  /** Digits after the point to round concentrations to; null for no rounding. */
  round: number | null
  /** Whether the concentrations of a repeated material are added up. */
  sumRepeated: boolean
}

interface Material {
  name: string
  concentration: string
  line: number
}

/** @returns the same row when there is nothing to correct, or the service will refuse the formula anyway */
export function corrected(row: Row, { round, sumRepeated }: Corrections): Row {
  if (round === null && !sumRepeated) return row
  const formula = parseWithDigits(row.json)
  const given = materialsOf(formula, row)
  if (given === null) return row
  let materials = given
  if (round !== null) {
    materials = given.map((each) => ({ ...each, concentration: rounded(each.concentration, round) }))
  }
  if (sumRepeated) materials = summed(materials)
  const isSame = (material: Material, index: number) => material.concentration === given[index]?.concentration
  if (materials.length === given.length && materials.every(isSame)) return row
  const pairs = materials.map(({ name, concentration }) => ({ name, concentration }))
  return {
    ...row,
    json: JSON.stringify({ ...formula, materials: pairs }),
    ...(row.materialLines && { materialLines: materials.map(({ line }) => line) }),
  }
}

/**
 * Parses JSON; each number becomes a raw-JSON object, which `JSON.stringify` writes with the same digits.
 * @returns null when it is nested too deeply for a reviver: no formula is
 */
function parseWithDigits(json: string): Record<string, unknown> | null {
  const keep = (_key: string, value: unknown, { source }: { source: string }) =>
    typeof value === 'number' ? rawJson(source) : value
  try {
    return JSON.parse(json, keep as Parameters<typeof JSON.parse>[1])
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

const rawJson = (source: string): object => (JSON as unknown as { rawJSON(text: string): object }).rawJSON(source)

/** @returns null unless each has just a name and a concentration: the service will refuse the formula */
function materialsOf(formula: unknown, row: Row): Material[] | null {
  const { materials } = (formula ?? {}) as { materials?: unknown }
  if (!Array.isArray(materials)) return null
  const all = materials.map((material, index) => {
    const { name, concentration, ...others } = (material ?? {}) as Record<string, unknown>
    const text = typeof concentration === 'string' ? concentration : (concentration as RawNumber)?.rawJSON
    const isPlain = typeof name === 'string' && text !== undefined && Object.keys(others).length === 0
    return isPlain ? { name, concentration: text, line: row.materialLines?.[index] ?? row.line } : null
  })
  return all.includes(null) ? null : (all as Material[])
}

type RawNumber = { rawJSON?: string } | null | undefined

/** Replaces each repeated material by one with the sum, at the place of the first. */
function summed(materials: Material[]): Material[] {
  if (materials.some(({ concentration }) => canonicalDecimal(concentration) === null)) return materials
  const groups = Map.groupBy(materials, ({ name }) => nameIdentity(checkName(name, MATERIAL_NAME_LENGTH) ?? name))
  return [...groups.values()].map((group) => {
    const [first, ...others] = group as [Material, ...Material[]]
    if (others.length === 0) return first
    return { ...first, concentration: sumOf(group.map(({ concentration }) => concentration)) as string }
  })
}

/** @returns the exact sum; null when one of them is not a valid concentration */
export function sumOf(decimals: string[]): string | null {
  let units = 0n
  for (const decimal of decimals) {
    const canonical = canonicalDecimal(decimal)
    if (canonical === null) return null
    units += toUnits(canonical)
  }
  return toDecimal(units, DECIMAL_DIGITS)
}

/** Decimals with longer exponents are not rounded: `10n ** exponent` could exceed the largest BigInt. */
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
