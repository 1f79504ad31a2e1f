import { hash } from 'node:crypto'
import { canonicalDecimal, DECIMAL_DIGITS } from '../formula/decimal.ts'
import { parseExactJson } from '../formula/json.ts'
import { validateSubmission } from '../formula/validate.ts'
import { rounded } from './corrections.ts'
import type { Problem, Row } from './files/row.ts'
import { type Answer, CannotContinue, codeOf, describe, Interrupted, type ServiceClient } from './service.ts'
import type { Known, Tally } from './tally.ts'

/** Formulas that are sent in one request. */
export interface List {
  rows: Row[]
  body: string
  /** Derived from the body alone, so that another run sends the same list under the same key. */
  key: string
}

/** Most formulas in a list: the service names at most as many problems in one answer. */
export const LIST_LENGTH = 100

/** Most bytes of several formulas in a list; below the service's default limit for bodies. */
export const LIST_BYTES = 1_000_000

export function listOf(rows: Row[]): List {
  const body = `[${rows.map(({ json }) => json).join()}]`
  return { rows, body, key: `import-${hash('sha256', body)}` }
}

/**
 * Groups rows into lists. The end of a list depends only on the rows before it, so that a file always gives the same lists.
 * @param stop ends it early, without the rows that do not fill a list: they are left for the next run
 */
export async function* intoLists(chunks: AsyncIterable<Row[]>, stop: AbortSignal): AsyncGenerator<List> {
  let rows: Row[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    for (const row of chunk) {
      if (stop.aborted) return
      const length = Buffer.byteLength(row.json) + 1
      if (rows.length === LIST_LENGTH || (rows.length > 0 && bytes + length > LIST_BYTES)) {
        yield listOf(rows)
        rows = []
        bytes = 0
      }
      rows.push(row)
      bytes += length
    }
  }
  if (rows.length > 0 && !stop.aborted) yield listOf(rows)
}

/** Sends lists to the service and counts what became of each formula. */
export class Uploader {
  readonly #service: ServiceClient
  readonly #tally: Tally

  constructor(service: ServiceClient, tally: Tally) {
    this.#service = service
    this.#tally = tally
  }

  /**
   * Sends a list. If the service refuses some of its formulas, the others are sent again; if the list is too large, it is
   * sent in halves. If a formula of it was erased since an earlier run, the whole list is refused: under new keys, smaller
   * lists would add that formula again.
   * @throws {CannotContinue | GaveUp}
   */
  async send(list: List): Promise<void> {
    const answer = await this.#submit(list)
    if (answer === null) return
    if (answer.status === 200) return this.#count(list, answer)
    if (answer.status === 413) return this.#inHalves(list, answer)
    if (codeOf(answer.body) === 'FORMULA_ERASED') {
      for (const row of list.rows) refuse(this.#tally, row, [problemOf(answer)])
      return
    }
    const { details = [] } = (answer.body ?? {}) as { details?: Problem[] }
    const refused = byFormula(details)
    if (answer.status === 400 && refused.size === 0 && codeOf(answer.body) === 'INVALID_JSON') {
      return this.#inHalves(list, answer)
    }
    const isOfThisList = [...refused.keys()].every((index) => index < list.rows.length)
    if (answer.status !== 400 || refused.size === 0 || !isOfThisList) {
      // The service has rejected the list as a whole, for a reason outside its formulas.
      this.#tally.rejected += list.rows.length
      throw new CannotContinue(`The service answered ${describe(answer)}`)
    }
    for (const [index, problems] of refused) refuse(this.#tally, list.rows[index] as Row, problems)
    const rest = list.rows.filter((_, index) => !refused.has(index))
    if (rest.length > 0) await this.send(listOf(rest))
  }

  /** @returns null when interrupted */
  async #submit(list: List): Promise<Answer | null> {
    try {
      return await this.#service.submit(list)
    } catch (error) {
      if (error instanceof CannotContinue) this.#tally.rejected += list.rows.length
      else this.#tally.unanswered += list.rows.length
      if (error instanceof Interrupted) return null
      throw error
    }
  }

  #count({ rows }: List, { body, replayed }: Answer): void {
    const { formulas } = (body ?? {}) as { formulas?: (Known & { outcome: 'added' | 'duplicate' })[] }
    if (formulas?.length !== rows.length) {
      this.#tally.unanswered += rows.length
      throw new CannotContinue('The answer is not from this service')
    }
    for (const [index, formula] of formulas.entries()) {
      if (formula.outcome === 'duplicate') this.#tally.countKnown(rows[index] as Row, formula)
      else {
        this.#tally.added++
        if (replayed) this.#tally.addedBefore++
      }
    }
  }

  async #inHalves({ rows }: List, answer: Answer): Promise<void> {
    const [only, ...others] = rows as [Row, ...Row[]]
    if (others.length === 0) return this.#tally.refuse(only.line, [problemOf(answer)])
    const middle = rows.length >> 1
    await this.send(listOf(rows.slice(0, middle)))
    await this.send(listOf(rows.slice(middle)))
  }
}

/** For a dry run: checks formulas by the rules of the service, and sends nothing. */
export function check({ rows }: List, tally: Tally): void {
  for (const row of rows) {
    try {
      const validation = validateSubmission(parseExactJson(Buffer.from(`[${row.json}]`)))
      if (validation.valid) tally.valid++
      else refuse(tally, row, byFormula(validation.problems).get(0) ?? validation.problems)
    } catch (error) {
      // It is nested too deeply; what is no JSON was refused when it was read.
      if (!(error instanceof SyntaxError)) throw error
      tally.refuse(row.line, [{ path: '', code: 'INVALID_JSON', message: 'Invalid or missing JSON' }])
    }
  }
}

/** An answer about a list as a whole, as a problem of each of its formulas. */
function problemOf(answer: Answer): Problem {
  const message = (answer.body as Problem | null)?.message ?? describe(answer)
  return { path: '', code: codeOf(answer.body) ?? String(answer.status), message }
}

/** Groups the service's `details` by the formula's index in the list, which each path begins with. */
function byFormula(details: Problem[]): Map<number, Problem[]> {
  const located = details.flatMap(({ path, code, message }) => {
    const [, index, rest = ''] = /^\/(\d+)(.*)$/.exec(path) ?? []
    return index === undefined ? [] : [{ index: Number(index), problem: { path: rest, code, message } }]
  })
  const groups = Map.groupBy(located, ({ index }) => index)
  return new Map([...groups].map(([index, group]) => [index, group.map(({ problem }) => problem)]))
}

/** Reports the problems of a formula, each with the line of the material and the option that would help. */
function refuse(tally: Tally, row: Row, problems: Problem[]): void {
  const located = problems.map((problem) => {
    const material = Number(/^\/materials\/(\d+)/.exec(problem.path)?.[1])
    const line = row.materialLines?.[material]
    const hint = hintFor(problem, row, material)
    const message = hint === null ? problem.message : `${problem.message}. ${hint}`
    return { ...problem, message, ...(line !== undefined && { line }) }
  })
  tally.refuse(row.line, located)
}

function hintFor({ code }: Problem, row: Row, material: number): string | null {
  if (code === 'FORMULA_ERASED')
    return 'An earlier run sent these formulas in one list; all that are not erased are stored'
  if (code === 'MATERIAL_DUPLICATE') return '--sum-repeated adds up repeated materials'
  if (code !== 'MATERIAL_CONCENTRATION_NOT_DECIMAL') return null
  const { materials } = JSON.parse(row.json) as { materials: { concentration: unknown }[] }
  const text = String(materials[material]?.concentration ?? '')
  if (/^\d+,\d+$/.test(text)) return "--decimal ',' reads a comma as a decimal point"
  const isSolvedByRounding = canonicalDecimal(rounded(text, DECIMAL_DIGITS)) !== null
  return isSolvedByRounding ? `--round ${DECIMAL_DIGITS} rounds it to ${DECIMAL_DIGITS} digits` : null
}
