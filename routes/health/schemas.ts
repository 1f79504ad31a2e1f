import { Type } from '@sinclair/typebox'
import { errorAnswers } from '../schemas.ts'

const tags = ['Health']

const ok = Type.Literal('ok')

export const live = {
  operationId: 'getLiveness',
  tags,
  summary: 'Liveness',
  description: '200 while the process runs.',
  response: { 200: Type.Object({ status: ok }, { $id: 'Live', description: 'The process runs' }), ...errorAnswers },
  errors: [],
  answerExamples: { Live: { status: 'ok' } },
} as const

export const ready = {
  operationId: 'getReadiness',
  tags,
  summary: 'Readiness',
  description: '200 only when database and queue answer; else 503, its details naming which does not.',
  response: {
    200: Type.Object({ status: ok, db: ok, queue: ok }, { $id: 'Ready', description: 'Database and queue answer' }),
    ...errorAnswers,
  },
  errors: ['STORE_UNAVAILABLE'],
  answerExamples: { Ready: { status: 'ok', db: 'ok', queue: 'ok' } },
} as const
