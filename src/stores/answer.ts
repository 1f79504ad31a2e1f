import type { ErrorDetail } from '../errors/service-error.ts'
import { detail, errorBody } from '../errors/service-error.ts'
import type { StoredFormula } from '../formula/formula.ts'
import type { StoredAnswer } from './ports.ts'

/** A formula in an answer; `outcome` is told where duplicates may be skipped. */
export type AnsweredFormula<M> = StoredFormula<M> & { outcome?: 'added' | 'duplicate' }

/** Writes the materials of a formula as JSON. */
export type WriteMaterials<M> = (materials: M) => string

/**
 * Once an answer has so many bytes of formulas, further duplicates are told by their ids alone. A stored formula may be
 * many times as long as the one that was sent for it, so that without a bound a small request had a large answer kept.
 */
const MOST_BYTES = 4 * 2 ** 20

const START = '{"message":"Formula(s) added!","formulas":['
const END = ']}'
/** How the entry of a duplicate ends. Quotes within a text are escaped, so no formula can look like it. */
const DUPLICATE = ',"outcome":"duplicate"}'
/** Between two entries that say their outcome. */
const BETWEEN = /(?<="outcome":"(?:added|duplicate)"\}),(?=\{"id":")/

/** The 200 of a submission. `Location` points to a single formula that was added. */
export function addedAnswer<M>(
  formulas: AnsweredFormula<M>[],
  single: boolean,
  write: WriteMaterials<M>,
): StoredAnswer {
  const only = single && formulas[0]?.outcome !== 'duplicate' ? formulas[0] : undefined
  let bytes = 0
  const entries = formulas.map((formula) => {
    if (formula.outcome === undefined) return entry(formula, write)
    if (formula.outcome === 'duplicate' && bytes >= MOST_BYTES) return briefEntry(formula.id)
    const text = entry(formula, write)
    bytes += Buffer.byteLength(text)
    return text
  })
  return {
    status: 200,
    location: only === undefined ? null : `/formulas/${only.id}`,
    body: `${START}${entries.join(',')}${END}`,
  }
}

function entry<M>({ id, name, materials, createdAt, outcome }: AnsweredFormula<M>, write: WriteMaterials<M>): string {
  const told = outcome === undefined ? '' : `,"outcome":"${outcome}"`
  return `{"id":"${id}","name":${JSON.stringify(name)},"materials":${write(materials)},"createdAt":"${createdAt}"${told}}`
}

const briefEntry = (id: string): string => `{"id":"${id}"${DUPLICATE}`

/**
 * The body of an answer as those see it who may not read: of duplicates the id alone. It is cut from the text, so that
 * the other entries stay the same bytes.
 * @param body that of a 200
 */
export function withoutDuplicates(body: string): string {
  if (!body.includes(DUPLICATE)) return body
  const entries = body.slice(START.length, -END.length).split(BETWEEN)
  const shown = entries.map((text) => (text.endsWith(DUPLICATE) ? briefEntry(text.slice(ID_AT, ID_AT + 64)) : text))
  return `${START}${shown.join(',')}${END}`
}

/** Where the id begins in an entry. */
const ID_AT = '{"id":"'.length

/** The 409 of a submission that holds make-ups already known. */
export function existsAnswer(duplicates: { path: string; id: string }[]): StoredAnswer {
  const details: ErrorDetail[] = duplicates.map(({ path, id }) => ({ ...detail(path, 'FORMULA_EXISTS'), id }))
  return { status: 409, location: null, body: JSON.stringify(errorBody('FORMULA_EXISTS', details)) }
}
