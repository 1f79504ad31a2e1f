import { withCure } from './cures.ts'
import type { Row } from './files/row.ts'
import type { LocatedProblem } from './tally.ts'

/** A problem as the service names it: its path begins with the formula's place in the list. */
export interface Detail {
  path: string
  code: string
  message: string
}

/** Problems by the formula's place in the list. */
export function byFormula(details: Detail[]): Map<number, Detail[]> {
  const problems = new Map<number, Detail[]>()
  for (const { path, code, message } of details) {
    const [, index, rest] = /^\/(\d+)(.*)$/.exec(path) ?? []
    if (index === undefined) continue
    const detail = { path: rest as string, code, message }
    problems.set(Number(index), [...(problems.get(Number(index)) ?? []), detail])
  }
  return problems
}

/** Problems of one formula for the user: with their lines, where they have their own, and what would help. */
export function inFile(problems: Detail[], row: Row): LocatedProblem[] {
  return problems.map((each) => {
    const problem = withCure(each, row)
    const material = /^\/materials\/(\d+)/.exec(problem.path)?.[1]
    const line = material === undefined ? undefined : row.materialLines?.[Number(material)]
    return line === undefined ? problem : { ...problem, line }
  })
}
