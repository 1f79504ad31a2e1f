import { Type } from '@sinclair/typebox'
import { storedFormula } from '../../src/openapi/examples.ts'
import { answers, formulaId, timestamp } from '../schemas.ts'

export const getSubmission = {
  operationId: 'getSubmission',
  tags: ['Formulas'],
  summary: 'Get the state of a submission',
  description:
    'How the submission under an `Idempotency-Key` of the caller stands. A submission that failed leaves nothing. While one runs, other instances may answer 404: it does not mean that it failed.',
  params: Type.Object({
    key: Type.String({ description: 'The Idempotency-Key without quotes, percent-encoded', examples: ['order-1'] }),
  }),
  response: answers('SubmissionState', 'The submission under a key', {
    key: Type.String({ examples: ['order-1'] }),
    state: Type.Union([Type.Literal('running'), Type.Literal('done')], {
      description: 'running: also while what is left of it is being rolled back',
    }),
    submittedAt: timestamp('When it arrived'),
    status: Type.Optional(Type.Integer({ description: 'Its answer, once it is done: 200 or 409', examples: [200] })),
    formulaIds: Type.Optional(
      Type.Array(formulaId(), {
        description: 'With 200: its formulas in the order of the list, duplicates and erased ones included',
      }),
    ),
  }),
  errors: ['SUBMISSION_NOT_FOUND', 'STORE_UNAVAILABLE'],
  answerExamples: {
    Done: {
      key: 'order-1',
      state: 'done',
      submittedAt: storedFormula.createdAt,
      status: 200,
      formulaIds: [storedFormula.id],
    },
    Running: { key: 'order-1', state: 'running', submittedAt: storedFormula.createdAt },
  },
} as const
