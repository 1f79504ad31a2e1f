import { parseExactJson } from '../formula/json.ts'
import { validateSubmission } from '../formula/validate.ts'
import type { Problem, Row } from './files/row.ts'
import { type List, listOf } from './lists.ts'
import { byFormula, explained } from './refusals.ts'
import { type Answer, CannotContinue, codeOf, describe, Interrupted, type Service } from './service.ts'
import type { Known, Tally } from './tally.ts'

/** Sends lists to the service and counts what became of each formula. */
export class Uploader {
  readonly #service: Service
  readonly #tally: Tally

  constructor(service: Service, tally: Tally) {
    this.#service = service
    this.#tally = tally
  }

  /**
   * Sends a list. Without the formulas that the service refuses, the rest is sent again; a list that is too large is sent
   * in halves.
   * @throws {CannotContinue | GaveUp}
   */
  async send(list: List): Promise<void> {
    const answer = await this.#submit(list)
    if (answer === null) return
    switch (answer.status) {
      case 200:
        return this.#count(list, answer)
      case 400:
        return this.#withoutRefused(list, answer)
      case 413:
        return this.#inHalves(list, answer)
      default:
        throw this.#rejected(list, answer)
    }
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
      throw new CannotContinue('The answer is not one of this service')
    }
    for (const [index, formula] of formulas.entries()) {
      if (formula.outcome === 'duplicate') this.#tally.countKnown(rows[index] as Row, formula)
      else {
        this.#tally.added++
        if (replayed) this.#tally.addedBefore++
      }
    }
  }

  async #withoutRefused(list: List, answer: Answer): Promise<void> {
    const { details = [] } = (answer.body ?? {}) as { details?: Problem[] }
    const refused = byFormula(details)
    if (refused.size === 0 && codeOf(answer.body) === 'INVALID_JSON') return this.#inHalves(list, answer)
    const isOfThisList = [...refused.keys()].every((index) => index < list.rows.length)
    if (refused.size === 0 || !isOfThisList) throw this.#rejected(list, answer)
    for (const [index, problems] of refused) {
      const row = list.rows[index] as Row
      this.#tally.refuse(row.line, explained(problems, row))
    }
    const rest = list.rows.filter((_, index) => !refused.has(index))
    if (rest.length > 0) await this.send(listOf(rest))
  }

  /** The service has rejected the list as a whole, for a reason outside its formulas. */
  #rejected({ rows }: List, answer: Answer): CannotContinue {
    this.#tally.rejected += rows.length
    return new CannotContinue(`The service answered ${describe(answer)}`)
  }

  async #inHalves({ rows }: List, answer: Answer): Promise<void> {
    const [only, ...others] = rows as [Row, ...Row[]]
    if (others.length === 0) {
      const message = (answer.body as Problem | null)?.message ?? describe(answer)
      return this.#tally.refuse(only.line, [{ path: '', code: codeOf(answer.body) ?? String(answer.status), message }])
    }
    const middle = rows.length >> 1
    await this.send(listOf(rows.slice(0, middle)))
    await this.send(listOf(rows.slice(middle)))
  }
}

/** Takes the place of an uploader: checks formulas by the rules of the service, and sends nothing. */
export class DryRun {
  readonly #tally: Tally

  constructor(tally: Tally) {
    this.#tally = tally
  }

  async send({ rows }: List): Promise<void> {
    for (const row of rows) {
      const validation = validateSubmission(parseExactJson(Buffer.from(`[${row.json}]`)))
      if (validation.valid) this.#tally.valid++
      else {
        const { problems } = validation
        this.#tally.refuse(row.line, explained(byFormula(problems).get(0) ?? problems, row))
      }
    }
  }
}
