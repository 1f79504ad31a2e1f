import { Type } from '@sinclair/typebox'
import { event } from '../../../src/openapi/examples.ts'
import {
  answers,
  cursor,
  errorAnswers,
  idParams,
  limit,
  nextCursor,
  strictObject,
  subscription,
  timestamp,
} from '../../schemas.ts'
import { eventFields, eventId } from '../schemas.ts'

const tags = ['Dead letters']

const DeadEvent = Type.Object(
  {
    ...eventFields,
    receiveCount: Type.Integer({ minimum: 1, description: 'How often it was leased', examples: [5] }),
    diedAt: timestamp('When its last lease ended'),
    reason: Type.Union([Type.Literal('expired'), Type.Literal('nacked')], { description: 'How its last lease ended' }),
    detail: Type.Union([Type.String(), Type.Null()], {
      description: 'The reason given with its last nack; null if there was none',
    }),
  },
  { $id: 'DeadEvent', description: 'An event whose last lease ended without an ack' },
)

export const listDead = {
  operationId: 'listDeadLetters',
  tags,
  summary: 'List dead letters',
  description: 'The latest first.',
  querystring: strictObject({ limit, cursor: cursor('dead'), subscription }, { $id: 'ListDeadQuery' }),
  response: answers('DeadPage', 'A page of dead letters', {
    events: Type.Array(DeadEvent),
    nextCursor,
  }),
  responseHeaders: ['Link'],
  errors: ['CURSOR_INVALID', 'SUBSCRIPTION_NOT_FOUND', 'STORE_UNAVAILABLE'],
  answerExamples: {
    'The last page': {
      events: [{ ...event, receiveCount: 5, diedAt: '2026-01-31T12:02:30.000Z', reason: 'expired', detail: null }],
      nextCursor: null,
    },
  },
} as const

export const redriveDead = {
  operationId: 'redriveDeadLetters',
  tags,
  summary: 'Redrive dead letters',
  description: 'Moves dead letters to the back of the queue and resets their receiveCount.',
  body: strictObject(
    {
      ids: Type.Optional(
        Type.Array(eventId, {
          maxItems: 1000,
          description: 'Default: all. An empty list: none',
        }),
      ),
      subscription,
    },
    { $id: 'RedriveBody', description: 'Optional' },
  ),
  response: answers('Redriven', 'The number of redriven events', {
    redriven: Type.Integer({ minimum: 0, examples: [1] }),
  }),
  errors: ['SUBSCRIPTION_NOT_FOUND', 'STORE_UNAVAILABLE'],
  bodyOptional: true,
  bodyExamples: { All: {}, 'One of them': { ids: [event.id] } },
  answerExamples: { Redriven: { redriven: 1 } },
} as const

export const removeDead = {
  operationId: 'deleteDeadLetter',
  tags,
  summary: 'Delete a dead letter',
  description: 'Deletes an event for good. Its formula stays.',
  params: idParams('The id of a dead letter'),
  querystring: strictObject({ subscription }, { $id: 'DeleteDeadQuery' }),
  response: { 204: Type.Unsafe<undefined>({ type: 'null', description: 'Deleted' }), ...errorAnswers },
  errors: ['EVENT_NOT_FOUND', 'SUBSCRIPTION_NOT_FOUND', 'STORE_UNAVAILABLE'],
} as const
