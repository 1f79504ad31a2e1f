import { type EventBody, readEventBody } from '../formula/formula.ts'
import { isoTime } from '../kit/clock.ts'
import type { FormulaEvent } from '../stores/ports.ts'

/** An event as consumers and sinks see it. */
export interface EventMessage extends EventBody {
  /** The formula's id. */
  id: string
  /** ISO 8601 in UTC. */
  createdAt: string
}

/** A leased event, as a consumer receives it. */
export interface ReceivedEvent extends EventMessage {
  receipt: string
  receiveCount: number
  /** ISO 8601 in UTC. */
  leasedUntil: string
}

/** The content type of an event as sinks send it. */
export const CLOUD_EVENT = 'application/cloudevents+json'

/** An event as sinks send it. */
export interface CloudEvent {
  specversion: '1.0'
  /** The formula's id. */
  id: string
  /** Where it comes from: a URI reference. */
  source: string
  type: 'formula.created'
  /** The formula's id. */
  subject: string
  /** When the formula was accepted. */
  time: string
  datacontenttype: 'application/json'
  /** The span of its submission; absent when it is not traced. */
  traceparent?: string | undefined
  data: Omit<EventMessage, 'traceparent'>
}

export function toCloudEvent(event: FormulaEvent, source: string): CloudEvent {
  const { traceparent, ...data } = toMessage(event)
  const { id, createdAt: time } = data
  return {
    specversion: '1.0',
    id,
    source,
    type: 'formula.created',
    subject: id,
    time,
    datacontenttype: 'application/json',
    traceparent,
    data,
  }
}

export function toMessage({ id, createdAt, body }: FormulaEvent): EventMessage {
  const { name, ...others } = readEventBody(body)
  return { id, name, createdAt: isoTime(createdAt), ...others }
}
