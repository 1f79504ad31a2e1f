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

/** What the parts of a formula come to. */
const WHOLES = ['1', '100', '1000', '10000']

/** The materials that are more likely the sum of the others. */
export function totalsIn(materials: Material[]): { index: number; message: string }[] {
  return materials.flatMap(({ name }, index) => {
    const isTotal = looksLikeTotal(name) || (index === materials.length - 1 && isWhole(materials))
    return isTotal
      ? [{ index, message: `${JSON.stringify(name)} looks like a total, and is taken for a material` }]
      : []
  })
}

function looksLikeTotal(name: string): boolean {
  const words = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
  return TOTAL_WORD.test(words) || NO_WORD.test(name)
}

/** Whether the last material is as much as all others together, and that is a whole. */
function isWhole(materials: Material[]): boolean {
  const last = materials.at(-1)?.concentration ?? ''
  const others = materials.slice(0, -1).map(({ concentration }) => concentration)
  if (others.length < 2) return false
  const [sum, whole] = [sumOf(others), sumOf([last])]
  return sum !== null && sum === whole && WHOLES.includes(sum)
}
