import type { Row } from './files/row.ts'
import { type List, listOf } from './lists.ts'
import { CannotGoOn, codeOf, describe, Interrupted, type Patience, untilAnswered } from './patience.ts'
import { byFormula, type Detail, inFile } from './refusals.ts'
import type { Answer, Service } from './service.ts'
import type { Known, Tally } from './tally.ts'

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
        throw this.#turnedAway(list, answer)
    }
  }

  /** @returns null when it was told to stop before there was an answer */
  async #ask(list: List): Promise<Answer | null> {
    try {
      return await untilAnswered(() => this.#service.submit(list), this.#patience)
    } catch (error) {
      if (error instanceof CannotGoOn) this.#tally.countTurnedAway(list.rows)
      else this.#tally.countUnanswered(list.rows)
      if (error instanceof Interrupted) return null
      throw error
    }
  }

  #count({ rows }: List, { body, replayed }: Answer): void {
    const { formulas } = (body ?? {}) as { formulas?: (Known & { outcome: 'added' | 'duplicate' })[] }
    if (formulas?.length !== rows.length) {
      this.#tally.countUnanswered(rows)
      throw new CannotGoOn('The answer is not one of this service')
    }
    for (const [index, formula] of formulas.entries()) {
      if (formula.outcome === 'added') this.#tally.countAdded(replayed)
      else this.#tally.countKnown(rows[index] as Row, formula)
    }
  }

  async #withoutRefused(list: List, answer: Answer): Promise<void> {
    const refused = refusedBy(answer)
    if (refused.size === 0) {
      if (codeOf(answer.body) !== 'INVALID_JSON') throw this.#turnedAway(list, answer)
      return this.#inHalves(list, answer)
    }
    if ([...refused.keys()].some((index) => index >= list.rows.length)) throw this.#turnedAway(list, answer)
    for (const [index, problems] of refused) {
      const row = list.rows[index] as Row
      this.#tally.refuse(row.line, inFile(problems, row))
    }
    const rest = list.rows.filter((_, index) => !refused.has(index))
    if (rest.length > 0) await this.takeIn(listOf(rest))
  }

  /** The service has refused the list as a whole, for something that is not in its formulas. */
  #turnedAway({ rows }: List, answer: Answer): CannotGoOn {
    this.#tally.countTurnedAway(rows)
    return new CannotGoOn(`The service answered ${describe(answer)}`)
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
function refusedBy({ body }: Answer): Map<number, Detail[]> {
  const { details = [] } = (body ?? {}) as { details?: Detail[] }
  return byFormula(details)
}
