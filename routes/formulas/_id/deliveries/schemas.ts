import { Type } from '@sinclair/typebox'
import { dueAt } from '../../../events/schemas.ts'
import { answers, idParams, subscriptionName, timestamp } from '../../../schemas.ts'

const Delivery = Type.Object(
  {
    subscription: subscriptionName('Name of the subscription'),
    state: Type.Union(
      ['ready', 'leased', 'delayed', 'dead', 'done'].map((each) => Type.Literal(each)),
      { description: '`done`: acknowledged, or before the place where the subscription began or was moved to' },
    ),
    receiveCount: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
      description: 'How often it was leased; null when done',
    }),
    dueAt,
    diedAt: Type.Union([timestamp('A time'), Type.Null()], { description: 'When it became a dead letter' }),
    reason: Type.Union([Type.Literal('expired'), Type.Literal('nacked'), Type.Null()], {
      description: 'How the last lease of a dead letter ended',
    }),
    detail: Type.Union([Type.String(), Type.Null()], { description: 'The reason given with its last nack' }),
  },
  { $id: 'Delivery', description: 'Where an event stands in one subscription' },
)

const delivery = { receiveCount: null, dueAt: null, diedAt: null, reason: null, detail: null }

export const listDeliveries = {
  operationId: 'listDeliveries',
  tags: ['Events'],
  summary: "Find a formula's event",
  description: 'Where the event of a formula stands in each subscription, by name.',
  params: idParams('The id of a formula'),
  response: answers('DeliveryList', 'The subscriptions', { deliveries: Type.Array(Delivery) }),
  errors: ['FORMULA_NOT_FOUND', 'STORE_UNAVAILABLE'],
  answerExamples: {
    'Done in one, leased in the other': {
      deliveries: [
        { ...delivery, subscription: 'default', state: 'done' },
        { ...delivery, subscription: 'erp', state: 'leased', receiveCount: 1, dueAt: '2026-01-31T12:00:30.000Z' },
      ],
    },
  },
} as const
