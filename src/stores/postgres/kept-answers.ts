import { readKept, referredTo } from '../kept-answer.ts'
import type { Answer, StoredFormula } from '../ports.ts'
import type { Row } from './database.ts'
import { REFERRED_TO } from './intake-statements.ts'

/** What is kept of an answer, and the sequence numbers of the formulas that its submission added. */
export interface KeptAnswer {
  status: number
  kept: string
  added: number[]
}

export const toKept = ({ status, kept, added }: Row): KeptAnswer => ({
  status: status as number,
  kept: kept as string,
  added: (added ?? []) as number[],
})

/** Puts answers together again. The documents are read at once. */
export async function readAnswers(
  query: (text: string, values: unknown[]) => Promise<Row[]>,
  answers: KeptAnswer[],
): Promise<Answer[]> {
  const wanted = answers.flatMap(({ status, kept, added }, answer) => {
    if (status !== 200) return []
    const unseen = new Set(added)
    return referredTo(kept, added).map((seq) => ({ seq, answer, isShown: unseen.delete(seq) }))
  })
  const columns = [
    wanted.map(({ seq }) => seq),
    wanted.map(({ answer }) => answer),
    wanted.map(({ isShown }) => isShown),
  ]
  const formulas = new Map<number, StoredFormula>()
  for (const row of wanted.length === 0 ? [] : await query(REFERRED_TO, columns)) {
    const formula = toFormula(row)
    // One that several answers refer to may have its document in one of them alone.
    if (formula.document !== '' || !formulas.has(formula.seq)) formulas.set(formula.seq, formula)
  }
  return answers.map((answer) => readKept(answer, answer.added, (seq) => formulas.get(seq) ?? null))
}

export const toFormula = ({ id, seq, document }: Row): StoredFormula => ({
  id: id as string,
  seq: seq as number,
  document: document as string,
})
