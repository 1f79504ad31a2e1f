import { type TInteger, Type } from '@sinclair/typebox'
import { RECEIPT_STALE } from '../../src/errors/catalogue.ts'
import { errorAnswers, formulaId, strictObject, timestamp } from '../schemas.ts'

const MAX_LEASE_SECONDS = 43_200

const seconds = (minimum: number, maximum: number, description: string) =>
  Type.Integer({ minimum, maximum, description, examples: [30] })

const count = (description: string): TInteger => Type.Integer({ minimum: 0, description, examples: [1] })

export const eventFields = {
  id: formulaId(),
  name: Type.String({ description: "The formula's name", examples: ['Rose Garden'] }),
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
  description: 'Opaque token of one lease',
  examples: ['12-PtNbV0aZk3Qx9LwE'],
})

const receipts = Type.Array(Receipt, { minItems: 1, maxItems: 100, description: 'What to settle' })

const rejected = Type.Array(Type.Object({ receipt: Receipt, code: Type.Literal(RECEIPT_STALE) }), {
  description: 'Receipts that no longer, or never, held a lease; they changed nothing',
})

const leaseSeconds = seconds(1, MAX_LEASE_SECONDS, 'How long the lease lasts from now')

export const receiveEvents = {
  summary: 'Receive events',
  description:
    'Leases the oldest events to this consumer; waits for one when there is none. 409 where events are forwarded to SQS.',
  body: strictObject(
    {
      max: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 100, default: 1, description: 'Most events to lease', examples: [10] }),
      ),
      waitSeconds: Type.Optional({ ...seconds(0, 20, 'How long to wait when there is none'), default: 0 }),
      leaseSeconds: Type.Optional(seconds(1, MAX_LEASE_SECONDS, 'EVENT_LEASE_SECONDS when not given')),
    },
    { $id: 'ReceiveBody', description: 'May be left out', examples: [{ max: 10, waitSeconds: 20 }] },
  ),
  response: {
    200: Type.Object(
      {
        events: Type.Array(
          Type.Object({
            ...eventFields,
            receipt: Receipt,
            receiveCount: count('How often it was leased, this time included'),
            leasedUntil: timestamp('When the lease ends'),
          }),
        ),
      },
      { $id: 'ReceivedEvents' },
    ),
    ...errorAnswers(400, 409, 413, 415),
  },
}

export const ackEvents = {
  summary: 'Acknowledge events',
  description: 'Ends the work on events for good.',
  body: strictObject({ receipts }, { $id: 'AckBody' }),
  response: {
    200: Type.Object({ acked: count('How many held'), rejected }, { $id: 'Acked' }),
    ...errorAnswers(400, 413, 415),
  },
}

export const nackEvents = {
  summary: 'Give events back',
  description: 'Puts events to the front again; after their last lease, to the dead letters.',
  body: strictObject(
    { receipts, delaySeconds: Type.Optional(seconds(0, MAX_LEASE_SECONDS, 'When they come back; at once by default')) },
    { $id: 'NackBody' },
  ),
  response: {
    200: Type.Object({ nacked: count('How many held'), rejected }, { $id: 'Nacked' }),
    ...errorAnswers(400, 413, 415),
  },
}

export const extendEvents = {
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
      { $id: 'Extended' },
    ),
    ...errorAnswers(400, 413, 415),
  },
}

export const eventStats = {
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
          examples: [0.25],
        }),
      },
      { $id: 'EventStats' },
    ),
    ...errorAnswers(),
  },
}
