import { Type } from '@sinclair/typebox'
import { errorAnswers, formulaId, idParams, timestamp } from '../schemas.ts'

export const listCleanups = {
  summary: 'List cleanups',
  description: 'Rollbacks that were interrupted and are still owed, the oldest first.',
  response: {
    200: Type.Object(
      {
        cleanups: Type.Array(
          Type.Object({
            id: Type.String({ description: 'The attempt that is rolled back' }),
            formulaIds: Type.Array(formulaId()),
            reason: Type.String({ description: 'Why it is rolled back, or why the last try failed' }),
            attempts: Type.Integer({ minimum: 0, examples: [1] }),
            createdAt: timestamp('When it came to be owed'),
            nextAttemptAt: timestamp('When it is tried next'),
          }),
        ),
      },
      { $id: 'Cleanups' },
    ),
    ...errorAnswers(),
  },
}

export const retryCleanup = {
  summary: 'Retry a cleanup',
  description: 'Makes a cleanup due now.',
  params: idParams('The id of a cleanup'),
  response: {
    202: Type.Object({ message: Type.String({ examples: ['Cleanup scheduled'] }) }, { $id: 'CleanupScheduled' }),
    ...errorAnswers(404),
  },
}
