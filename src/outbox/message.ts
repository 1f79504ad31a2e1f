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

export function toMessage({ id, createdAt, body }: FormulaEvent): EventMessage {
  const { name, ...others } = readEventBody(body)
  return { id, name, createdAt: isoTime(createdAt), ...others }
}
