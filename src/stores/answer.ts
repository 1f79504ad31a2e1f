import type { ErrorDetail } from '../errors/service-error.ts'
import { detail, errorBody } from '../errors/service-error.ts'
import type { StoredFormula } from '../formula/formula.ts'
import type { StoredAnswer } from './ports.ts'

/** A formula in an answer; `outcome` is told where duplicates may be skipped. */
export type AnsweredFormula<M> = StoredFormula<M> & { outcome?: 'added' | 'duplicate' }

/** Writes the materials of a formula as JSON. */
export type WriteMaterials<M> = (materials: M) => string

/** The 200 of a submission. `Location` points to a single formula that was added. */
export function addedAnswer<M>(
  formulas: AnsweredFormula<M>[],
  single: boolean,
  write: WriteMaterials<M>,
): StoredAnswer {
  const only = single && formulas[0]?.outcome !== 'duplicate' ? formulas[0] : undefined
  return {
    status: 200,
    location: only === undefined ? null : `/formulas/${only.id}`,
    body: `{"message":"Formula(s) added!","formulas":[${formulas.map((formula) => entry(formula, write)).join(',')}]}`,
  }
}

function entry<M>({ id, name, materials, createdAt, outcome }: AnsweredFormula<M>, write: WriteMaterials<M>): string {
  const told = outcome === undefined ? '' : `,"outcome":"${outcome}"`
  return `{"id":"${id}","name":${JSON.stringify(name)},"materials":${write(materials)},"createdAt":"${createdAt}"${told}}`
}

/** The 409 of a submission that holds make-ups already known. */
export function existsAnswer(duplicates: { path: string; id: string }[]): StoredAnswer {
  const details: ErrorDetail[] = duplicates.map(({ path, id }) => ({ ...detail(path, 'FORMULA_EXISTS'), id }))
  return { status: 409, location: null, body: JSON.stringify(errorBody('FORMULA_EXISTS', details)) }
}
