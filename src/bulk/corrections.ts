import { canonicalDecimal } from '../formula/decimal.ts'
import { nameIdentity } from '../formula/identity.ts'
import { checkName, MATERIAL_NAME_LENGTH } from '../formula/name.ts'
import { rounded, sumOf } from './decimals.ts'
import type { Row } from './files/row.ts'

/** What an import changes in formulas, because it was told to. The service changes nothing. */
export interface Corrections {
  /** To how many digits after the point concentrations are rounded; null for not at all. */
  round: number | null
  /** Whether the concentrations of a material that a formula has twice are added up. */
  sumRepeated: boolean
}

interface Material {
  name: string
  concentration: string
}

/** A formula with these corrections; the very same row where there is nothing to correct, or too much. */
export function corrected(row: Row, { round, sumRepeated }: Corrections): Row {
  if (round === null && !sumRepeated) return row
  const formula = parseWithDigits(row.json)
  const given = materialsOf(formula)
  if (given === null) return row
  const lines = given.map((_, index) => row.materialLines?.[index] ?? row.line)
  const roundedOnes = round === null ? given : given.map((each) => withRounded(each, round))
  const { materials, firsts } = sumRepeated ? summed(roundedOnes) : { materials: roundedOnes, firsts: null }
  if (areSame(given, materials)) return row
  return {
    ...row,
    json: JSON.stringify({ ...formula, materials }),
    ...(row.materialLines && firsts && { materialLines: firsts.map((index) => lines[index] as number) }),
  }
}

const areSame = (some: Material[], others: Material[]): boolean =>
  some.length === others.length && some.every((one, index) => one.concentration === others[index]?.concentration)

/** Parses JSON; numbers become objects that are written again as they stood. */
function parseWithDigits(json: string): Record<string, unknown> {
  const keep = (_key: string, value: unknown, { source }: { source: string }) =>
    typeof value === 'number' ? rawJson(source) : value
  return JSON.parse(json, keep as Parameters<typeof JSON.parse>[1])
}

const rawJson = (source: string): object => (JSON as unknown as { rawJSON(text: string): object }).rawJSON(source)

/** @returns null when they are no materials that the service could take in: it will say what is wrong with them */
function materialsOf(formula: unknown): Material[] | null {
  const { materials } = (formula ?? {}) as { materials?: unknown }
  if (!Array.isArray(materials)) return null
  const all = materials.map((material) => {
    const { name, concentration, ...others } = (material ?? {}) as Record<string, unknown>
    const text = textOf(concentration)
    const isPlain = typeof name === 'string' && Object.keys(others).length === 0
    return isPlain && text !== null ? { name, concentration: text } : null
  })
  return all.includes(null) ? null : (all as Material[])
}

function textOf(concentration: unknown): string | null {
  if (typeof concentration === 'string') return concentration
  return (concentration as { rawJSON?: string } | undefined)?.rawJSON ?? null
}

const withRounded = ({ name, concentration }: Material, digits: number): Material => ({
  name,
  concentration: rounded(concentration, digits),
})

/** @returns with `firsts`, the place where each material stood first */
function summed(materials: Material[]): { materials: Material[]; firsts: number[] } {
  const groups = new Map<string, number[]>()
  for (const [index, { name }] of materials.entries()) {
    const identity = nameIdentity(checkName(name, MATERIAL_NAME_LENGTH) ?? name)
    groups.set(identity, [...(groups.get(identity) ?? []), index])
  }
  const isSummable = materials.every(({ concentration }) => canonicalDecimal(concentration) !== null)
  if (!isSummable) return { materials, firsts: materials.map((_, index) => index) }
  const sums = [...groups.values()].map((indexes) => {
    const [first, ...others] = indexes.map((index) => materials[index] as Material) as [Material, ...Material[]]
    if (others.length === 0) return first
    const sum = sumOf([first, ...others].map(({ concentration }) => concentration)) as string
    return { name: first.name, concentration: sum }
  })
  return { materials: sums, firsts: [...groups.values()].map(([first]) => first as number) }
}
