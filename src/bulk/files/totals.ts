import { sumOf } from '../decimals.ts'

interface Material {
  name: string
  concentration: string
}

/** What the row below a list is called, in the languages of the trade; without accents. */
const TOTAL_WORD =
  /^(?:grand ?|sub ?)?(?:total(?:s|e|en)?|totaal|sum|summe|summa|somme|suma|soma|gesamt(?:summe|menge)?|zwischensumme|итого|всего|合計|合计|总计|總計|小計|小计)(?![\p{L}\p{N}])/u

/** A name without a letter, such as `=100`, `100 %` or `Σ`. */
const NO_WORD = /^[^\p{L}]+$|^[^\p{L}]*Σ[^\p{L}]*$/u

/** What the parts of a formula usually add up to. */
const WHOLES = ['1', '100', '1000', '10000']

/** Finds materials that are more likely the sum of the others. */
export function totalsIn(materials: Material[]): { index: number; message: string }[] {
  return materials.flatMap(({ name }, index) => {
    const isTotal = hasTotalName(name) || (index === materials.length - 1 && isLastTheSum(materials))
    const message = `${JSON.stringify(name)} looks like a total, and is taken for a material`
    return isTotal ? [{ index, message }] : []
  })
}

function hasTotalName(name: string): boolean {
  const plain = name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
  return TOTAL_WORD.test(plain.replace(/[^\p{L}\p{N}]+/gu, ' ').trim()) || NO_WORD.test(name)
}

/** Whether the last material equals the sum of the others, and that is a usual whole. */
function isLastTheSum(materials: Material[]): boolean {
  const concentrations = materials.map(({ concentration }) => concentration)
  const last = concentrations.pop()
  if (last === undefined || concentrations.length < 2) return false
  const sum = sumOf(concentrations)
  return sum !== null && sum === sumOf([last]) && WHOLES.includes(sum)
}
