import { detail, errorBody } from '../errors/service-error.ts'
import type { Answer, AnswerEntry } from '../stores/ports.ts'

/** How a request wants its answer to be written. */
export interface AnswerStyle {
  /** Whether entries have the field `outcome`. */
  withOutcomes: boolean
  /** Whether a duplicate shows the stored formula, or only its id. */
  showDuplicates: boolean
}

interface AnswerText {
  status: 200 | 409
  /** Path of the added formula, when a single one was submitted. */
  location: string | null
  body: string
}

/** Writes an answer. Documents are pasted unchanged, so that a replay is identical byte for byte. */
export function writeAnswer(answer: Exclude<Answer, { status: 410 }>, style: AnswerStyle): AnswerText {
  if (answer.status === 409) {
    const details = answer.duplicates.map(({ path, id }) => ({ ...detail(path, 'FORMULA_EXISTS'), id }))
    return { status: 409, location: null, body: JSON.stringify(errorBody('FORMULA_EXISTS', details)) }
  }
  const { single, entries } = answer
  const only = single && entries[0]?.outcome === 'added' ? entries[0] : undefined
  return {
    status: 200,
    location: only === undefined ? null : `/formulas/${only.id}`,
    body: `{"message":"Formula(s) added!","formulas":[${entries.map((entry) => writeEntry(entry, style)).join()}]}`,
  }
}

function writeEntry({ id, outcome, document }: AnswerEntry, { withOutcomes, showDuplicates }: AnswerStyle): string {
  const isHidden = document === null || (outcome === 'duplicate' && !showDuplicates)
  const text = isHidden ? `{"id":"${id}"}` : document
  return withOutcomes ? `${text.slice(0, -1)},"outcome":"${outcome}"}` : text
}

/** The number of formulas that were added. */
export const addedBy = (answer: Answer): number =>
  answer.status === 200 ? answer.entries.filter(({ outcome }) => outcome === 'added').length : 0
