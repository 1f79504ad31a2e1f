import { Type } from '@sinclair/typebox'
import { answers, errorAnswers, statsFields, strictObject, subscriptionName, timestamp } from '../schemas.ts'

const tags = ['Subscriptions']

const params = Type.Object({ name: subscriptionName('Name of a subscription') })

const Subscription = Type.Object(
  {
    name: subscriptionName('Its name'),
    createdAt: timestamp('When it was created'),
    paused: Type.Boolean({ description: 'Whether it is paused: it hands out nothing', examples: [false] }),
    ...statsFields,
  },
  { $id: 'Subscription', description: 'A named reader of the events with a position of its own' },
)

const subscription = { 200: Subscription, ...errorAnswers }

const place = (description: string) =>
  Type.Union(
    [
      Type.Literal('start'),
      Type.Literal('end'),
      Type.String({ format: 'date-time', examples: ['2026-01-31T12:00:00Z', '2026-01-31T13:00:00+01:00'] }),
    ],
    {
      description: `${description}: the oldest event that is kept, after the newest, or the first event accepted at or after a time (RFC 3339)`,
    },
  )

const errors = ['SUBSCRIPTION_NOT_FOUND', 'STORE_UNAVAILABLE'] as const

const shown = {
  name: 'erp',
  createdAt: '2026-01-31T12:00:00.000Z',
  paused: false,
  ready: 2,
  leased: 0,
  delayed: 0,
  dead: 0,
  oldestReadyAgeSeconds: 0.25,
}

export const listSubscriptions = {
  operationId: 'listSubscriptions',
  tags,
  summary: 'List subscriptions',
  description: 'By name. A key for one subscription sees that one alone.',
  response: answers('SubscriptionList', 'The subscriptions', { subscriptions: Type.Array(Subscription) }),
  errors: ['STORE_UNAVAILABLE'],
  answerExamples: { 'One subscription': { subscriptions: [shown] } },
} as const

export const createSubscription = {
  operationId: 'createSubscription',
  tags,
  summary: 'Create a subscription',
  description: 'Repeating it changes nothing: an existing subscription keeps its position.',
  params,
  body: strictObject(
    { from: Type.Optional({ ...place('Where it begins; default: end'), default: 'end' }) },
    { $id: 'CreateSubscriptionBody', description: 'Optional' },
  ),
  response: { ...subscription, 201: Subscription },
  errors: ['SUBSCRIPTION_REFUSED', 'STORE_UNAVAILABLE'],
  bodyOptional: true,
  bodyExamples: { 'New events only': {}, 'All events that are kept': { from: 'start' } },
  answerExamples: { 'A subscription': shown },
} as const

export const seekSubscription = {
  operationId: 'seekSubscription',
  tags,
  summary: 'Move a subscription',
  description:
    'Moves it back, to receive events again, or forward, to skip some. Everything that it has taken out is dropped, and its receipts are stale; only dead letters before the new position stay.',
  params,
  body: strictObject({ to: place('Where it goes on') }, { $id: 'SeekBody' }),
  response: subscription,
  errors,
  bodyExamples: { 'All events that are kept': { to: 'start' }, 'A point in time': { to: '2026-01-31T12:00:00Z' } },
  answerExamples: { 'The subscription': shown },
} as const

export const pauseSubscription = {
  operationId: 'pauseSubscription',
  tags,
  summary: 'Pause a subscription',
  description: 'It hands out nothing until it is resumed. Receipts stay valid, and its events are kept.',
  params,
  response: subscription,
  errors,
  answerExamples: { 'The subscription': { ...shown, paused: true } },
} as const

export const resumeSubscription = {
  operationId: 'resumeSubscription',
  tags,
  summary: 'Resume a subscription',
  description: 'Ends a pause.',
  params,
  response: subscription,
  errors,
  answerExamples: { 'The subscription': shown },
} as const

export const deleteSubscription = {
  operationId: 'deleteSubscription',
  tags,
  summary: 'Delete a subscription',
  description:
    'Deletes it with its dead letters. Consumers that wait for its events get 404. The one named default and those of sinks are refused.',
  params,
  response: { 204: Type.Unsafe<undefined>({ type: 'null', description: 'Deleted' }), ...errorAnswers },
  errors: ['SUBSCRIPTION_REFUSED', ...errors],
} as const
