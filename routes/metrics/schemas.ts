import { Type } from '@sinclair/typebox'
import { errorAnswers } from '../schemas.ts'

const Exposition = Type.String({
  $id: 'Metrics',
  description: 'Metrics in the text format of Prometheus; docs/metrics.md lists them',
})

const SOME = '# TYPE intake_submissions_total counter\nintake_submissions_total{outcome="added"} 17\n'

export const readMetrics = {
  operationId: 'getMetrics',
  tags: ['Metrics'],
  summary: 'Read metrics',
  description: 'What the service measures of itself, for Prometheus.',
  response: {
    200: { description: Exposition.description, content: { 'text/plain': { schema: Exposition } } },
    ...errorAnswers,
  },
  errors: [],
  answerExamples: { 'One of many': SOME },
} as const
