import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TObject, Type } from '@sinclair/typebox'
import { eventFields } from '../routes/events/schemas.ts'
import { formulaId, timestamp } from '../routes/schemas.ts'
import { about } from '../src/openapi/about.ts'
import { event } from '../src/openapi/examples.ts'
import { CLOUD_EVENT, type CloudEvent, toCloudEvent } from '../src/outbox/message.ts'

// `npm run openapi` writes the AsyncAPI document of what sinks send beside this file; a test compares it with the code.

const { traceparent, ...data } = eventFields

/** An event as sinks send it. */
export const cloudEvent = Type.Object({
  specversion: Type.Literal('1.0'),
  id: formulaId(),
  source: Type.String({ format: 'uri-reference', description: 'EVENT_SOURCE of the service', examples: ['/formulas'] }),
  type: Type.Literal('formula.created'),
  subject: formulaId(),
  time: timestamp('When the formula was accepted'),
  datacontenttype: Type.Literal('application/json'),
  traceparent,
  data: Type.Object(data, { description: 'The event' }),
} satisfies { [Field in keyof CloudEvent]-?: object })

const payload = toCloudEvent(
  { id: event.id, seq: 1, createdAt: Date.parse(event.createdAt), body: JSON.stringify({ name: event.name }) },
  '/formulas',
)

const text = (description: string) => Type.String({ description })

/** What each kind of sink sends, and how. */
const sinks = {
  sqs: {
    title: 'SQS',
    description:
      'The queue of a `sqs+https` URL in FORWARD_TO, or of SQS_QUEUE_URL. In a FIFO queue the id is the group and the deduplication id.',
  },
  webhook: {
    title: 'Webhook',
    description:
      'POST to an `https` URL in FORWARD_TO, one event a call, signed as Standard Webhooks specify. 2xx acknowledges it; 410 pauses the subscription.',
    headers: Type.Object({
      'webhook-id': formulaId(),
      'webhook-timestamp': text('When it was sent, in seconds since the epoch'),
      'webhook-signature': text('`v1,` and the HMAC-SHA256 of id, timestamp and body, in base64'),
    }),
  },
  nats: {
    title: 'NATS JetStream',
    description: 'The subject in the path of a `nats` or `tls` URL in FORWARD_TO. The stream has to acknowledge it.',
    headers: Type.Object({
      'Nats-Msg-Id': formulaId(),
      'Content-Type': Type.Literal(CLOUD_EVENT),
    }),
  },
} satisfies Record<string, { title: string; description: string; headers?: TObject }>

const { title, version, description, license } = about.info

/** The AsyncAPI document of this version. */
export function asyncApi(): object {
  const kinds = Object.entries<{ title: string; description: string; headers?: TObject }>(sinks)
  const each = <T>(make: (kind: string, sink: (typeof kinds)[number][1]) => T): Record<string, T> =>
    Object.fromEntries(kinds.map(([kind, sink]) => [kind, make(kind, sink)]))
  return {
    asyncapi: '3.0.0',
    info: { title, version, description: description.split('\n', 1)[0], license: { name: license.name } },
    defaultContentType: CLOUD_EVENT,
    channels: each((kind, sink) => ({
      address: null,
      title: sink.title,
      description: sink.description,
      messages: { formulaCreated: { $ref: `#/components/messages/${kind}` } },
    })),
    operations: each((kind, sink) => ({
      action: 'send',
      title: `Send events to ${sink.title}`,
      channel: { $ref: `#/channels/${kind}` },
      messages: [{ $ref: `#/channels/${kind}/messages/formulaCreated` }],
    })),
    components: {
      messages: each((_, { headers }) => ({
        name: 'formula.created',
        title: 'Formula created',
        summary: 'A formula was accepted. At least once, in no particular order: drop repeats by id and time.',
        contentType: CLOUD_EVENT,
        ...(headers && { headers }),
        payload: { $ref: '#/components/schemas/CloudEvent' },
        examples: [{ name: 'An event', payload }],
      })),
      schemas: { CloudEvent: cloudEvent },
    },
  }
}

if (import.meta.main) {
  writeFileSync(join(import.meta.dirname, 'asyncapi.json'), JSON.stringify(asyncApi(), null, 2))
}
