import { Type } from '@sinclair/typebox'
import { storedFormula } from '../../src/openapi/examples.ts'
import { answers, errorAnswers, formulaId, idParams, timestamp } from '../schemas.ts'

const tags = ['Cleanups']

const cleanup = {
  id: '0d5be0cf-9a8a-4c11-9a05-6c5f2ffb6a3e',
  formulaIds: [storedFormula.id],
  reason: 'the queue does not answer',
  attempts: 2,
  createdAt: '2026-01-31T12:00:00.000Z',
  nextAttemptAt: '2026-01-31T12:00:10.000Z',
}

const Cleanup = Type.Object(
  {
    id: Type.String({ description: 'The submission, the attempt or the erasure', examples: [cleanup.id] }),
    formulaIds: Type.Array(formulaId()),
    reason: Type.String({ description: 'Why it is owed, or why the last attempt failed' }),
    attempts: Type.Integer({ minimum: 0, examples: [1] }),
    createdAt: timestamp('When it was interrupted'),
    nextAttemptAt: timestamp('When it is attempted next'),
  },
  { $id: 'Cleanup', description: 'An interrupted rollback or erasure that is still pending' },
)

export const listCleanups = {
  operationId: 'listCleanups',
  tags,
  summary: 'List cleanups',
  description: 'Interrupted rollbacks and erasures that are still pending, oldest first.',
  response: answers('Cleanups', 'Pending cleanups', { cleanups: Type.Array(Cleanup) }),
  errors: ['STORE_UNAVAILABLE'],
  answerExamples: { 'One cleanup': { cleanups: [cleanup] }, 'No cleanups': { cleanups: [] } },
} as const

export const retryCleanup = {
  operationId: 'retryCleanup',
  tags,
  summary: 'Retry a cleanup',
  description: 'Makes a cleanup due now.',
  params: idParams('The id of a cleanup', cleanup.id),
  response: {
    202: Type.Object(
      { message: Type.String({ examples: ['Cleanup scheduled'] }) },
      { $id: 'CleanupScheduled', description: 'The cleanup is due now' },
    ),
    ...errorAnswers,
  },
  errors: ['CLEANUP_NOT_FOUND', 'STORE_UNAVAILABLE'],
  answerExamples: { Scheduled: { message: 'Cleanup scheduled' } },
} as const
