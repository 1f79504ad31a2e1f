import { type TInteger, Type } from '@sinclair/typebox'
import { RECEIPT_STALE } from '../../src/errors/catalogue.ts'
import { event, receipt } from '../../src/openapi/examples.ts'
import { errorAnswers, formulaId, storedName, strictObject, timestamp } from '../schemas.ts'

const tags = ['Events']

const MAX_LEASE_SECONDS = 43_200

const seconds = (minimum: number, maximum: number, description: string) =>
  Type.Integer({ minimum, maximum, description, examples: [20] })

const count = (description: string): TInteger => Type.Integer({ minimum: 0, description, examples: [1] })

export const eventFields = {
  id: formulaId(),
  name: storedName("The formula's name", 'Rose Garden'),
  createdAt: timestamp('When the formula was accepted'),
  traceparent: Type.Optional(
    Type.String({
      description: 'Where its submission is seen in a trace (W3C Trace Context); only where it was traced',
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

const receipts = Type.Array(Receipt, { minItems: 1, maxItems: 100, description: 'What to settle' })

const rejected = Type.Array(
  Type.Object({ receipt: Receipt, code: Type.Literal(RECEIPT_STALE) }, { $id: 'RejectedReceipt' }),
  { description: 'Receipts that no longer, or never, held a lease; they changed nothing' },
)

const leaseSeconds = seconds(
  1,
  MAX_LEASE_SECONDS,
  'How long the lease lasts from now; at most EVENT_MAX_LEASE_SECONDS where that is less',
)

const ReceivedEvent = Type.Object(
  {
    ...eventFields,
    receipt: Receipt,
    receiveCount: count('How often it was leased, this time included'),
    leasedUntil: timestamp('When the lease ends'),
  },
  { $id: 'ReceivedEvent', description: 'An event that is leased to who received it' },
)

const stale = { receipt, code: RECEIPT_STALE }

/** What the routes that settle receipts may say beside what all say. */
const errors = ['STORE_UNAVAILABLE'] as const

export const receiveEvents = {
  operationId: 'receiveEvents',
  tags,
  summary: 'Receive events',
  description:
    'Leases the oldest events to this consumer; waits for one when there is none. 409 where events are forwarded to SQS.',
  body: strictObject(
    {
      max: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 100, default: 1, description: 'Most events to lease', examples: [10] }),
      ),
      waitSeconds: Type.Optional({ ...seconds(0, 20, 'How long to wait when there is none'), default: 0 }),
      leaseSeconds: Type.Optional(
        seconds(
          1,
          MAX_LEASE_SECONDS,
          'EVENT_LEASE_SECONDS when not given; at most EVENT_MAX_LEASE_SECONDS where that is less',
        ),
      ),
    },
    { $id: 'ReceiveBody', description: 'May be left out' },
  ),
  response: {
    200: Type.Object(
      { events: Type.Array(ReceivedEvent) },
      { $id: 'ReceivedEvents', description: 'The events that were leased; none when there was none' },
    ),
    ...errorAnswers,
  },
  errors: ['EVENTS_FORWARDED', 'STORE_UNAVAILABLE'],
  bodyOptional: true,
  bodyExamples: { 'Up to ten, at once': { max: 10 }, 'As long as it takes': { max: 10, waitSeconds: 20 } },
  answerExamples: {
    'An event': { events: [{ ...event, receipt, receiveCount: 1, leasedUntil: '2026-01-31T12:00:30.000Z' }] },
    'There was none': { events: [] },
  },
} as const

export const ackEvents = {
  operationId: 'ackEvents',
  tags,
  summary: 'Acknowledge events',
  description: 'Ends the work on events for good.',
  body: strictObject({ receipts }, { $id: 'AckBody' }),
  response: {
    200: Type.Object(
      { acked: count('How many held'), rejected },
      { $id: 'Acked', description: 'What became of the receipts' },
    ),
    ...errorAnswers,
  },
  errors,
  bodyExamples: { 'One receipt': { receipts: [receipt] } },
  answerExamples: { 'It held': { acked: 1, rejected: [] }, 'It was stale': { acked: 0, rejected: [stale] } },
} as const

export const nackEvents = {
  operationId: 'nackEvents',
  tags,
  summary: 'Give events back',
  description: 'Puts events to the front again; after their last lease, to the dead letters.',
  body: strictObject(
    { receipts, delaySeconds: Type.Optional(seconds(0, MAX_LEASE_SECONDS, 'When they come back; at once by default')) },
    { $id: 'NackBody' },
  ),
  response: {
    200: Type.Object(
      { nacked: count('How many held'), rejected },
      { $id: 'Nacked', description: 'What became of the receipts' },
    ),
    ...errorAnswers,
  },
  errors,
  bodyExamples: { 'At once': { receipts: [receipt] }, 'In a minute': { receipts: [receipt], delaySeconds: 60 } },
  answerExamples: { 'It held': { nacked: 1, rejected: [] } },
} as const

export const extendEvents = {
  operationId: 'extendEvents',
  tags,
  summary: 'Extend leases',
  description: 'Lets leases end later, or earlier.',
  body: strictObject({ receipts, leaseSeconds }, { $id: 'ExtendBody' }),
  response: {
    200: Type.Object(
      {
        extended: count('How many held'),
        leasedUntil: Type.Union([timestamp('When they end'), Type.Null()], { description: 'null when none held' }),
        rejected,
      },
      { $id: 'Extended', description: 'What became of the receipts' },
    ),
    ...errorAnswers,
  },
  errors,
  bodyExamples: { 'Another minute': { receipts: [receipt], leaseSeconds: 60 } },
  answerExamples: {
    'It held': { extended: 1, leasedUntil: '2026-01-31T12:01:00.000Z', rejected: [] },
    'It was stale': { extended: 0, leasedUntil: null, rejected: [stale] },
  },
} as const

/** An id to look an event up by: what is none is the id of no event. */
export const eventId = Type.String({ minLength: 1, maxLength: 200 })

export const releaseEvents = {
  operationId: 'releaseEvents',
  tags,
  summary: 'End leases of others',
  description:
    'Puts leased events to the front again, whoever holds them. This receive does not count, and its receipts are stale.',
  body: strictObject(
    {
      ids: Type.Array(eventId, {
        minItems: 1,
        maxItems: 1000,
        description: 'Events that are not leased are passed over',
      }),
    },
    { $id: 'ReleaseBody' },
  ),
  response: {
    200: Type.Object(
      { released: count('How many leases were ended') },
      { $id: 'Released', description: 'How many went back' },
    ),
    ...errorAnswers,
  },
  errors,
  bodyExamples: { 'One event': { ids: [event.id] } },
  answerExamples: { Released: { released: 1 } },
} as const

export const eventStats = {
  operationId: 'countEvents',
  tags,
  summary: 'Count events',
  description: 'How many events are in which state.',
  response: {
    200: Type.Object(
      {
        ready: count('Can be leased now'),
        leased: count('At a consumer'),
        delayed: count('Given back with a delay'),
        dead: count('Dead letters'),
        oldestReadyAgeSeconds: Type.Union([Type.Number({ minimum: 0 }), Type.Null()], {
          description: 'null when none is ready',
        }),
      },
      { $id: 'EventStats', description: 'How many events are in which state' },
    ),
    ...errorAnswers,
  },
  errors: ['STORE_UNAVAILABLE'],
  answerExamples: {
    'Some are waiting': { ready: 2, leased: 1, delayed: 0, dead: 0, oldestReadyAgeSeconds: 0.25 },
    'None is': { ready: 0, leased: 0, delayed: 0, dead: 0, oldestReadyAgeSeconds: null },
  },
} as const
