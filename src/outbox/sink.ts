import type { SinkAddress } from './sink-url.ts'
import type { WebhookOptions } from './webhook-sink.ts'

/** An event as it is sent. */
export interface Message {
  /** The formula's id. */
  id: string
  /** The CloudEvent, as JSON. */
  json: string
}

/** What became of one event that was sent. */
export type SendResult =
  | { kind: 'taken' }
  /** The event itself is at fault: it would be refused again. */
  | { kind: 'refused'; reason: string }
  /** The receiver is at fault. @property retryAfterMs how long it asks to be left alone */
  | { kind: 'failed'; reason: string; retryAfterMs?: number }
  /** The receiver wants no more events. */
  | { kind: 'gone'; reason: string }

/** A place that events are pushed to. */
export interface Sink {
  /** Maximum number of events in one call. */
  readonly batchSize: number
  /**
   * Sends up to `batchSize` events in one call.
   * @param signal aborted when the caller no longer waits for the result
   * @returns the result of each event, in the order given
   * @throws {Error} when the call failed as a whole, saying why; some events may have been taken
   */
  send(messages: Message[], signal: AbortSignal): Promise<SendResult[]>
  /** Closes its connections. */
  close(): void | Promise<void>
}

/**
 * Opens the sink behind a URL. Its module is loaded on demand: a client of AWS or NATS costs time and memory.
 * @throws {ConfigError} when the configuration is not sufficient for this sink
 */
export async function openSink(address: SinkAddress, webhooks: WebhookOptions): Promise<Sink> {
  switch (address.kind) {
    case 'sqs':
      return (await import('./sqs-sink.ts')).openSqsSink(address.url)
    case 'webhook':
      return (await import('./webhook-sink.ts')).openWebhookSink(address, webhooks)
    case 'nats':
      return (await import('./nats-sink.ts')).openNatsSink(address.url)
  }
}

const MAX_REASON_LENGTH = 200

/** Why a call failed, in one line: the others may quote parts of the signed request. */
export function failureOf(error: unknown): string {
  const { name, code, message } = error as NodeJS.ErrnoException
  // A number as code, as that of a time-out, says nothing.
  const parts = [name, typeof code === 'string' && code, message]
  return brief([...new Set(parts)].filter(Boolean).join(': '))
}

/** The first line of a reason, without control characters, which no store need keep. */
export const brief = (reason: string): string =>
  (reason.split('\n', 1)[0] as string)
    .replace(/\p{Cc}/gu, ' ')
    .slice(0, MAX_REASON_LENGTH)
    .toWellFormed()
