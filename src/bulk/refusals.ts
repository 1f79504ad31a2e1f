import { canonicalDecimal, DECIMAL_DIGITS } from '../formula/decimal.ts'
import { rounded } from './decimals.ts'
import type { Problem, Row } from './files/row.ts'
import type { LocatedProblem } from './tally.ts'

/** Groups the service's `details` by the formula's index in the list, which each path begins with. */
export function byFormula(details: Problem[]): Map<number, Problem[]> {
  const problems = new Map<number, Problem[]>()
  for (const { path, code, message } of details) {
    const [, index, rest = ''] = /^\/(\d+)(.*)$/.exec(path) ?? []
    if (index === undefined) continue
    problems.set(Number(index), [...(problems.get(Number(index)) ?? []), { path: rest, code, message }])
  }
  return problems
}

/** Adds to the problems of one formula the line of the material, and the option that would help. */
export function explained(problems: Problem[], row: Row): LocatedProblem[] {
  return problems.map((problem) => {
    const material = Number(/^\/materials\/(\d+)/.exec(problem.path)?.[1])
    const line = row.materialLines?.[material]
    const hint = hintFor(problem, row, material)
    const message = hint === null ? problem.message : `${problem.message}. ${hint}`
    return { ...problem, message, ...(line !== undefined && { line }) }
  })
}

function hintFor({ code }: Problem, row: Row, material: number): string | null {
  if (code === 'MATERIAL_DUPLICATE') return '--sum-repeated adds up a material that is there twice'
  if (code !== 'MATERIAL_CONCENTRATION_NOT_DECIMAL') return null
  const { materials } = JSON.parse(row.json) as { materials: { concentration: unknown }[] }
  const text = String(materials[material]?.concentration ?? '')
  if (/^\d+,\d+$/.test(text)) return "--decimal ',' reads a comma as a decimal point"
  const isSolvedByRounding = canonicalDecimal(rounded(text, DECIMAL_DIGITS)) !== null
  return isSolvedByRounding ? `--round ${DECIMAL_DIGITS} rounds it to ${DECIMAL_DIGITS} digits` : null
}
