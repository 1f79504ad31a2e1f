import type { SinkAddress } from './sink-url.ts'

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
  /** The receiver is at fault. */
  | { kind: 'failed'; reason: string }

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
  close(): void
}

/**
 * Opens the sink behind a URL. Its module is loaded on demand: a client of AWS or NATS costs time and memory.
 * @throws {ConfigError} when the configuration is not sufficient for this sink
 */
export async function openSink({ kind, url }: SinkAddress): Promise<Sink> {
  switch (kind) {
    case 'sqs':
      return (await import('./sqs-sink.ts')).openSqsSink(url)
    default:
      throw new Error(`No sink of kind ${kind}`)
  }
}
