import { Type } from '@sinclair/typebox'
import { MAX_FORMULAS, MAX_MATERIALS } from '../../src/formula/validate.ts'
import { cursor, errorAnswers, formulaId, idParams, limit, nextCursor, strictObject, timestamp } from '../schemas.ts'

const formulaName = (description: string) =>
  Type.String({ minLength: 1, maxLength: 200, description, examples: ['Rose Garden'] })

const materialName = Type.String({
  minLength: 1,
  maxLength: 200,
  description: 'Compared without regard to case, width or the number of blanks',
  examples: ['Linalool'],
})

const Concentration = Type.Union([Type.String(), Type.Number()], {
  description: 'Exact decimal above 0 with at most 12 digits before and 12 after the point; no unit is assumed',
  examples: ['12.5', 12.5],
})

const SubmittedFormula = strictObject({
  name: formulaName('At most 200 characters after trimming'),
  materials: Type.Array(strictObject({ name: materialName, concentration: Concentration }), {
    minItems: 1,
    maxItems: MAX_MATERIALS,
    description: 'A set: their order does not matter',
  }),
})

const example = { name: 'Rose Garden', materials: [{ name: 'Linalool', concentration: '12.5' }] }

const SubmitBody = Type.Union(
  [SubmittedFormula, Type.Array(SubmittedFormula, { minItems: 1, maxItems: MAX_FORMULAS })],
  { $id: 'SubmitBody', description: 'A formula, or a list of them', examples: [example, [example]] },
)

const onDuplicate = Type.Optional(
  Type.Union([Type.Literal('reject'), Type.Literal('skip')], {
    default: 'reject',
    description: 'Reject all when a make-up is known, or skip those and add the others',
    examples: ['skip'],
  }),
)

const storedFields = {
  id: formulaId(),
  name: formulaName('As submitted, trimmed'),
  materials: Type.Array(
    Type.Object({
      name: materialName,
      concentration: Type.String({ description: 'In canonical form', examples: ['12.5'] }),
    }),
    { description: 'In submitted order' },
  ),
  createdAt: timestamp('When it was accepted'),
}

const StoredFormula = Type.Object(storedFields, { $id: 'StoredFormula', description: 'A stored formula' })

const SubmitAnswer = Type.Object(
  {
    message: Type.String({ examples: ['Formula(s) added!'] }),
    formulas: Type.Array(
      Type.Object({
        ...storedFields,
        outcome: Type.Optional(
          Type.Union([Type.Literal('added'), Type.Literal('duplicate')], { description: 'Only with onDuplicate=skip' }),
        ),
      }),
    ),
  },
  { $id: 'SubmitAnswer', description: 'The formulas, added or (with onDuplicate=skip) already known' },
)

export const submitFormulas = {
  summary: 'Submit formulas',
  description: 'Takes formulas in exactly once. Requires the header Idempotency-Key.',
  querystring: strictObject({ onDuplicate }, { $id: 'SubmitQuery' }),
  body: SubmitBody,
  response: { 200: SubmitAnswer, ...errorAnswers(400, 409, 413, 415, 422) },
}

const name = Type.Optional(
  Type.String({ maxLength: 400, description: 'What the name begins with, whatever its case', examples: ['rose'] }),
)

export const listFormulas = {
  summary: 'List formulas',
  description: 'Newest first, in the order of acceptance.',
  querystring: strictObject({ limit, cursor, name }, { $id: 'ListFormulasQuery' }),
  response: {
    200: Type.Object({ formulas: Type.Array(Type.Object(storedFields)), nextCursor }, { $id: 'FormulaPage' }),
    ...errorAnswers(400),
  },
}

export const getFormula = {
  summary: 'Get a formula',
  description: 'One stored formula by its id.',
  params: idParams('The id of a formula'),
  response: { 200: StoredFormula, ...errorAnswers(404) },
}
