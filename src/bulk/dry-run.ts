import { parseExactJson } from '../formula/json.ts'
import { validateSubmission } from '../formula/validate.ts'
import type { Row } from './files/row.ts'
import type { List } from './lists.ts'
import { byFormula, type Detail, inFile } from './refusals.ts'
import type { Tally } from './tally.ts'

/** Takes lists as an intake does, but sends nothing: it checks formulas by the rules of the service. */
export class DryRun {
  readonly #tally: Tally

  constructor(tally: Tally) {
    this.#tally = tally
  }

  async takeIn({ rows }: List): Promise<void> {
    for (const row of rows) {
      const problems = problemsOf(row)
      if (problems.length > 0) this.#tally.refuse(row.line, inFile(problems, row))
      else this.#tally.countGood()
    }
  }
}

function problemsOf({ json }: Row): Detail[] {
  const validation = validateSubmission(parseExactJson(Buffer.from(`[${json}]`)))
  return validation.valid ? [] : (byFormula(validation.problems).get(0) ?? validation.problems)
}
