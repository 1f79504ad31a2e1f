import { Type } from '@sinclair/typebox'
import { errorAnswers } from '../schemas.ts'

export const getDocument = {
  operationId: 'getDocument',
  tags: ['Document'],
  summary: 'This document',
  description: 'OpenAPI 3.1 of every route of this version; `/docs` shows it as a page.',
  response: {
    200: Type.Object(
      { openapi: Type.String({ examples: ['3.1.0'] }), info: Type.Object({}), paths: Type.Object({}) },
      { $id: 'OpenApiDocument', description: 'An OpenAPI document' },
    ),
    ...errorAnswers,
  },
  errors: [],
} as const
