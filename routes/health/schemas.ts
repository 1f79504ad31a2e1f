import { Type } from '@sinclair/typebox'
import { errorAnswers } from '../schemas.ts'

const ok = Type.Literal('ok', { examples: ['ok'] })

export const live = {
  summary: 'Liveness',
  description: '200 while the process runs.',
  response: { 200: Type.Object({ status: ok }, { $id: 'Live' }), ...errorAnswers() },
}

export const ready = {
  summary: 'Readiness',
  description: '200 only when database and queue answer; else 503, its details naming which does not.',
  response: { 200: Type.Object({ status: ok, db: ok, queue: ok }, { $id: 'Ready' }), ...errorAnswers() },
}
