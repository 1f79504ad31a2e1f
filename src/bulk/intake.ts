import type { Row } from './files/row.ts'
import { type List, listOf } from './lists.ts'
import { CannotGoOn, codeOf, describe, Interrupted, type Patience, untilAnswered } from './patience.ts'
import type { Answer, Service } from './service.ts'
import type { Known, LocatedProblem, Tally } from './tally.ts'

interface Detail {
  path: string
  code: string
  message: string
}

/** Sends lists to the service until each formula has found its end. */
export class Intake {
  readonly #service: Service
  readonly #patience: Patience
  readonly #tally: Tally

  constructor(service: Service, patience: Patience, tally: Tally) {
    this.#service = service
    this.#patience = patience
    this.#tally = tally
  }

  /**
   * Sends a list. Formulas that the service refuses are counted as such, and the others sent again without them; a list
   * that is too large is sent in halves.
   * @throws {CannotGoOn | GaveUp}
   */
  async takeIn(list: List): Promise<void> {
    const answer = await this.#ask(list)
    if (answer === null) return
    switch (answer.status) {
      case 200:
        return this.#count(list, answer)
      case 400:
        return this.#withoutRefused(list, answer)
      case 413:
        return this.#inHalves(list, answer)
      default:
        throw unexpected(answer)
    }
  }

  /** @returns null when it was told to stop before there was an answer */
  async #ask(list: List): Promise<Answer | null> {
    try {
      return await untilAnswered(() => this.#service.submit(list), this.#patience)
    } catch (error) {
      this.#tally.countUnanswered(list.rows)
      if (error instanceof Interrupted) return null
      throw error
    }
  }

  #count({ rows }: List, { body, replayed }: Answer): void {
    const { formulas } = (body ?? {}) as { formulas?: (Known & { outcome: 'added' | 'duplicate' })[] }
    if (formulas?.length !== rows.length) throw new CannotGoOn('The answer is not one of this service')
    for (const [index, formula] of formulas.entries()) {
      if (formula.outcome === 'added') this.#tally.countAdded(replayed)
      else this.#tally.countKnown(rows[index] as Row, formula)
    }
  }

  async #withoutRefused(list: List, answer: Answer): Promise<void> {
    const refused = byRow(answer)
    if (refused.size === 0) {
      if (codeOf(answer.body) !== 'INVALID_JSON') throw unexpected(answer)
      return this.#inHalves(list, answer)
    }
    for (const [index, problems] of refused) {
      const row = list.rows[index]
      if (row === undefined) throw unexpected(answer)
      this.#tally.refuse(
        row.line,
        problems.map((problem) => located(problem, row)),
      )
    }
    const rest = list.rows.filter((_, index) => !refused.has(index))
    if (rest.length > 0) await this.takeIn(listOf(rest))
  }

  async #inHalves({ rows }: List, answer: Answer): Promise<void> {
    const [only, ...others] = rows as [Row, ...Row[]]
    if (others.length === 0) {
      const message = (answer.body as Detail | null)?.message ?? describe(answer)
      return this.#tally.refuse(only.line, [{ path: '', code: codeOf(answer.body) ?? String(answer.status), message }])
    }
    const middle = rows.length >> 1
    await this.takeIn(listOf(rows.slice(0, middle)))
    await this.takeIn(listOf(rows.slice(middle)))
  }
}

/** The problems that an answer names, by the formula's place in the list. It names at most 100. */
function byRow({ body }: Answer): Map<number, Detail[]> {
  const { details = [] } = (body ?? {}) as { details?: Detail[] }
  const problems = new Map<number, Detail[]>()
  for (const { path, code, message } of details) {
    const [, index, rest] = /^\/(\d+)(.*)$/.exec(path) ?? []
    if (index === undefined) continue
    const detail = { path: rest as string, code, message }
    problems.set(Number(index), [...(problems.get(Number(index)) ?? []), detail])
  }
  return problems
}

function located(problem: Detail, { materialLines }: Row): LocatedProblem {
  const material = /^\/materials\/(\d+)/.exec(problem.path)?.[1]
  const line = material === undefined ? undefined : materialLines?.[Number(material)]
  return line === undefined ? problem : { ...problem, line }
}

const unexpected = (answer: Answer): CannotGoOn => new CannotGoOn(`The service answered ${describe(answer)}`)
