import { Type } from '@sinclair/typebox'
import { cursor, errorAnswers, idParams, limit, nextCursor, strictObject, timestamp } from '../../schemas.ts'
import { eventFields } from '../schemas.ts'

export const listDead = {
  summary: 'List dead letters',
  description: 'The last to die first.',
  querystring: strictObject({ limit, cursor }, { $id: 'ListDeadQuery' }),
  response: {
    200: Type.Object(
      {
        events: Type.Array(
          Type.Object({
            ...eventFields,
            receiveCount: Type.Integer({ minimum: 1, description: 'How often it was leased', examples: [5] }),
            diedAt: timestamp('When its last lease ended'),
            reason: Type.Union([Type.Literal('expired'), Type.Literal('nacked')], {
              description: 'How that lease ended',
            }),
          }),
        ),
        nextCursor,
      },
      { $id: 'DeadPage' },
    ),
    ...errorAnswers(400),
  },
}

export const redriveDead = {
  summary: 'Redrive dead letters',
  description: 'Sends dead letters to the back of the queue, their receiveCount starting over.',
  body: strictObject(
    {
      ids: Type.Optional(
        Type.Array(Type.String({ minLength: 1, maxLength: 200 }), {
          maxItems: 1000,
          description: 'All when not given, none when empty',
        }),
      ),
    },
    { $id: 'RedriveBody', description: 'May be left out' },
  ),
  response: {
    200: Type.Object({ redriven: Type.Integer({ minimum: 0, examples: [1] }) }, { $id: 'Redriven' }),
    ...errorAnswers(400, 413, 415),
  },
}

export const removeDead = {
  summary: 'Delete a dead letter',
  description: 'Gives an event up for good; its formula stays.',
  params: idParams('The id of a dead letter'),
  response: { 204: Type.Unsafe<undefined>({ type: 'null', description: 'Deleted' }), ...errorAnswers(404) },
}
