import { canonicalDecimal, DECIMAL_DIGITS } from '../formula/decimal.ts'
import { rounded } from './decimals.ts'
import type { Problem, Row } from './files/row.ts'

/** A problem that the service found, with the option that would help where there is one. */
export function withCure(problem: Problem, row: Row): Problem {
  const cure = cureOf(problem, row)
  return cure === null ? problem : { ...problem, message: `${problem.message}. ${cure}` }
}

function cureOf({ path, code }: Problem, row: Row): string | null {
  if (code === 'MATERIAL_DUPLICATE') return '--sum-repeated adds up what stands there twice'
  if (code !== 'MATERIAL_CONCENTRATION_NOT_DECIMAL') return null
  const text = concentrationAt(path, row)
  if (/^\d+,\d+$/.test(text)) return "--decimal ',' reads a comma as a decimal point"
  const isCured = canonicalDecimal(rounded(text, DECIMAL_DIGITS)) !== null
  return isCured ? `--round ${DECIMAL_DIGITS} rounds it to ${DECIMAL_DIGITS} digits` : null
}

/** A concentration as it was sent, empty when there is none. */
function concentrationAt(path: string, row: Row): string {
  const index = Number(/^\/materials\/(\d+)\//.exec(path)?.[1])
  const { materials } = JSON.parse(row.json) as { materials: { concentration: unknown }[] }
  return String(materials[index]?.concentration ?? '')
}
