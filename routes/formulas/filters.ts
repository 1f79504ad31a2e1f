import { hash } from 'node:crypto'
import { type Static, type TObject, Type } from '@sinclair/typebox'
import { toFilter } from '../../src/formula/filter.ts'
import { MATERIAL_NAME_LENGTH } from '../../src/formula/formula.ts'
import { searchKey } from '../../src/formula/identity.ts'
import { readTime } from '../../src/kit/clock.ts'
import { storedFormula } from '../../src/openapi/examples.ts'
import type { FormulaQuery } from '../../src/stores/ports.ts'
import { type CursorKind, timestamp } from '../schemas.ts'

/** The query parameters that narrow a list. */
export const filters = {
  name: Type.Optional(
    Type.String({
      maxLength: 400,
      description: 'Prefix of the name, case-insensitive; at most 400 UTF-16 code units',
      examples: ['rose'],
    }),
  ),
  q: Type.Optional(
    Type.String({
      maxLength: 400,
      description:
        'Words that all occur, anywhere, in the name or a material, with or without accents; at most 400 UTF-16 code units',
      examples: ['rose linalool'],
    }),
  ),
  material: Type.Optional(
    Type.String({
      maxLength: MATERIAL_NAME_LENGTH * 2,
      description: `The whole name of a material, case-insensitive; at most ${MATERIAL_NAME_LENGTH * 2} UTF-16 code units`,
      examples: ['Linalool'],
    }),
  ),
  submittedBy: Type.Optional(
    Type.String({ maxLength: 400, description: 'The name of the API key that submitted it', examples: ['lab'] }),
  ),
  derivedFrom: Type.Optional(
    Type.String({
      maxLength: 64,
      description: 'The id of the formula that it was derived from',
      examples: [storedFormula.id],
    }),
  ),
  from: Type.Optional(timestamp('Accepted then or later')),
  to: Type.Optional(timestamp('Accepted earlier')),
}

type Filters = Pick<FormulaQuery, 'searchPrefix' | 'filter'>
type Fields = Static<TObject<typeof filters>>

/** @returns what a list is narrowed to, and the kind of its cursors, which has a hash of the filters, if any */
export function readFilters({ name = '', from, to, ...fields }: Fields): { wanted: Filters; kind: CursorKind } {
  const searchPrefix = searchKey(name)
  // The schema has checked the times.
  const times = { ...(from && { from: readTime(from) as number }), ...(to && { to: readTime(to) as number }) }
  const filter = toFilter({ ...fields, ...times })
  const wanted = { ...(searchPrefix !== '' && { searchPrefix }), ...(filter && { filter }) }
  const isAll = Object.keys(wanted).length === 0
  const digest = hash('sha256', JSON.stringify(wanted), 'hex').slice(0, 8)
  return { wanted, kind: isAll ? 'formulas' : `formulas:${digest}` }
}
