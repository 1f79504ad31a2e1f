import { Type } from '@sinclair/typebox'
import { RECEIPT_STALE } from '../../src/errors/catalogue.ts'
import { event, receipt, storedFormula } from '../../src/openapi/examples.ts'
import { StoredFormula } from '../formulas/schemas.ts'
import {
  answers,
  count,
  cursor,
  formulaId,
  limit,
  nextCursor,
  statsFields,
  storedName,
  strictObject,
  subscription,
  timestamp,
} from '../schemas.ts'

const tags = ['Events']

const MAX_LEASE_SECONDS = 43_200

const seconds = (minimum: number, maximum: number, description: string) =>
  Type.Integer({ minimum, maximum, description, examples: [20] })

export const eventFields = {
  id: formulaId(),
  name: storedName("The formula's name", 'Rose Garden'),
  createdAt: timestamp('When the formula was accepted'),
  traceparent: Type.Optional(
    Type.String({
      description: 'The span of its submission (W3C Trace Context), if it was traced',
      examples: ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
    }),
  ),
}

const Receipt = Type.String({
  minLength: 1,
  maxLength: 200,
  description: 'Opaque token of one lease; at most 200 UTF-16 code units',
  examples: [receipt],
})

/** Means the same with and without the flag `u`: validators differ in that. */
const REASON = '^(?:[^\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff]|[\\ud800-\\udbff][\\udc00-\\udfff]){0,500}$'

const receipts = Type.Array(Receipt, { minItems: 1, maxItems: 100, description: 'Receipts of the events' })

const rejected = Type.Array(
  Type.Object({ receipt: Receipt, code: Type.Literal(RECEIPT_STALE) }, { $id: 'RejectedReceipt' }),
  { description: 'Stale or unknown receipts; they changed nothing' },
)

const leaseSeconds = seconds(1, MAX_LEASE_SECONDS, 'Duration of the lease from now; at most EVENT_MAX_LEASE_SECONDS')

const ReceivedEvent = Type.Object(
  {
    ...eventFields,
    receipt: Receipt,
    receiveCount: count('How often it was leased, including this lease'),
    leasedUntil: timestamp('When the lease ends'),
    formula: Type.Optional(
      Type.Union([StoredFormula, Type.Null()], {
        description: 'Only with `include`; null if it has been erased meanwhile',
      }),
    ),
  },
  { $id: 'ReceivedEvent', description: 'A leased event' },
)

const received = { ...event, receipt, receiveCount: 1, leasedUntil: '2026-01-31T12:00:30.000Z' }

const stale = { receipt, code: RECEIPT_STALE }

/** Errors of the routes that settle receipts. */
const errors = ['STORE_UNAVAILABLE'] as const

export const receiveEvents = {
  operationId: 'receiveEvents',
  tags,
  summary: 'Receive events',
  description:
    'Leases the oldest events of a subscription to this consumer, and waits if none is ready. A paused subscription has none. 409 if its events are forwarded.',
  body: strictObject(
    {
      subscription,
      max: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 100, default: 1, description: 'Maximum number of events', examples: [10] }),
      ),
      waitSeconds: Type.Optional({ ...seconds(0, 20, 'How long to wait if no event is ready'), default: 0 }),
      leaseSeconds: Type.Optional(
        seconds(
          1,
          MAX_LEASE_SECONDS,
          'Duration of the lease. Default: EVENT_LEASE_SECONDS; at most EVENT_MAX_LEASE_SECONDS',
        ),
      ),
      include: Type.Optional(
        Type.Array(Type.Literal('formula'), {
          maxItems: 1,
          description:
            'Adds the formula to each event; needs the scope `read` as well. The answer ends early at 4 MiB, with at least one event',
          examples: [['formula']],
        }),
      ),
    },
    { $id: 'ReceiveBody', description: 'Optional' },
  ),
  response: answers('ReceivedEvents', 'The leased events; empty if none was ready', {
    events: Type.Array(ReceivedEvent),
  }),
  errors: ['EVENTS_FORWARDED', 'SUBSCRIPTION_NOT_FOUND', 'STORE_UNAVAILABLE'],
  bodyOptional: true,
  bodyExamples: {
    'Up to ten, without waiting': { max: 10 },
    'Long poll': { max: 10, waitSeconds: 20 },
    'With its formula': { subscription: 'default', include: ['formula'] },
  },
  answerExamples: {
    'One event': { events: [received] },
    'The same, with its formula': { events: [{ ...received, formula: storedFormula }] },
    'No event ready': { events: [] },
  },
} as const

export const ackEvents = {
  operationId: 'ackEvents',
  tags,
  summary: 'Acknowledge events',
  description: 'Removes processed events from the queue.',
  body: strictObject({ receipts }, { $id: 'AckBody' }),
  response: answers('Acked', 'The result for each receipt', { acked: count('The number of valid receipts'), rejected }),
  errors,
  bodyExamples: { 'One receipt': { receipts: [receipt] } },
  answerExamples: { 'Valid receipt': { acked: 1, rejected: [] }, 'Stale receipt': { acked: 0, rejected: [stale] } },
} as const

export const nackEvents = {
  operationId: 'nackEvents',
  tags,
  summary: 'Give events back',
  description: 'Returns events to the front of the queue; after their last lease they become dead letters.',
  body: strictObject(
    {
      receipts,
      delaySeconds: Type.Optional(seconds(0, MAX_LEASE_SECONDS, 'Delay before they are ready again; default: none')),
      reason: Type.Optional(
        Type.String({
          pattern: REASON,
          description: 'Why; a dead letter shows the last one. At most 500 characters, none a control character',
          examples: ['The printer is out of labels'],
        }),
      ),
    },
    { $id: 'NackBody' },
  ),
  response: answers('Nacked', 'The result for each receipt', {
    nacked: count('The number of valid receipts'),
    rejected,
  }),
  errors,
  bodyExamples: {
    'Without delay': { receipts: [receipt] },
    'With a delay': { receipts: [receipt], delaySeconds: 60, reason: 'The printer is out of labels' },
  },
  answerExamples: { 'Valid receipt': { nacked: 1, rejected: [] } },
} as const

export const extendEvents = {
  operationId: 'extendEvents',
  tags,
  summary: 'Extend leases',
  description: 'Sets a new end of leases, later or earlier.',
  body: strictObject({ receipts, leaseSeconds }, { $id: 'ExtendBody' }),
  response: answers('Extended', 'The result for each receipt', {
    extended: count('The number of valid receipts'),
    leasedUntil: Type.Union([timestamp('When the leases end'), Type.Null()], {
      description: 'null if all receipts were rejected',
    }),
    rejected,
  }),
  errors,
  bodyExamples: { 'A minute from now': { receipts: [receipt], leaseSeconds: 60 } },
  answerExamples: {
    'Valid receipt': { extended: 1, leasedUntil: '2026-01-31T12:01:00.000Z', rejected: [] },
    'Stale receipt': { extended: 0, leasedUntil: null, rejected: [stale] },
  },
} as const

/** Any string: one that is not a fingerprint matches no event. */
export const eventId = Type.String({ minLength: 1, maxLength: 200 })

export const releaseEvents = {
  operationId: 'releaseEvents',
  tags,
  summary: 'End leases of others',
  description:
    'Ends leases of any consumer and returns their events to the front of the queue. That receive does not count, and its receipts become stale.',
  body: strictObject(
    {
      ids: Type.Array(eventId, {
        minItems: 1,
        maxItems: 1000,
        description: 'Events that are not leased are ignored',
      }),
      subscription,
    },
    { $id: 'ReleaseBody' },
  ),
  response: answers('Released', 'The number of released events', {
    released: count('The number of leases that were ended'),
  }),
  errors: ['SUBSCRIPTION_NOT_FOUND', ...errors],
  bodyExamples: { 'One event': { ids: [event.id] } },
  answerExamples: { Released: { released: 1 } },
} as const

export const dueAt = Type.Union([timestamp('A time'), Type.Null()], {
  description: 'When its lease or delay ends; null if it is neither leased nor delayed',
})

const QueuedEvent = Type.Object(
  { ...eventFields, receiveCount: count('How often it was leased'), dueAt },
  { $id: 'QueuedEvent', description: 'An event that is ready, leased or delayed' },
)

const state = Type.Optional(
  Type.Union([Type.Literal('ready'), Type.Literal('leased'), Type.Literal('delayed')], {
    default: 'ready',
    description: 'Which events',
    examples: ['leased'],
  }),
)

export const listEvents = {
  operationId: 'listEvents',
  tags,
  summary: 'List events in a state',
  description:
    'Ready events in the order in which they will be handed out, leased and delayed ones by when that ends. Nothing is leased.',
  querystring: strictObject(
    { subscription, state, limit, cursor: cursor('events:default:ready', [0, 0, 0, 42]) },
    { $id: 'ListEventsQuery' },
  ),
  response: answers('EventPage', 'A page of events', { events: Type.Array(QueuedEvent), nextCursor }),
  responseHeaders: ['Link'],
  errors: ['CURSOR_INVALID', 'SUBSCRIPTION_NOT_FOUND', 'STORE_UNAVAILABLE'],
  answerExamples: {
    'A leased event': { events: [{ ...event, receiveCount: 1, dueAt: '2026-01-31T12:00:30.000Z' }], nextCursor: null },
    'A ready event': { events: [{ ...event, receiveCount: 0, dueAt: null }], nextCursor: null },
  },
} as const

export const eventStats = {
  operationId: 'countEvents',
  tags,
  summary: 'Count events',
  description: 'The number of events of a subscription in each state.',
  querystring: strictObject({ subscription }, { $id: 'EventStatsQuery' }),
  response: answers('EventStats', 'The number of events in each state', statsFields),
  errors: ['SUBSCRIPTION_NOT_FOUND', ...errors],
  answerExamples: {
    'Events in the queue': { ready: 2, leased: 1, delayed: 0, dead: 0, oldestReadyAgeSeconds: 0.25 },
    'Empty queue': { ready: 0, leased: 0, delayed: 0, dead: 0, oldestReadyAgeSeconds: null },
  },
} as const
