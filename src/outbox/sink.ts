/** Maximum number of events sent in one call. */
export const BATCH_SIZE = 10

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
  /**
   * Sends up to `BATCH_SIZE` events in one call.
   * @param signal aborted when the caller no longer waits for the result
   * @returns the result of each event, in the order given
   * @throws {Error} when the call failed as a whole, saying why; some events may have been taken
   */
  send(messages: Message[], signal: AbortSignal): Promise<SendResult[]>
  /** Closes its connections. */
  close(): void
}

/**
 * Opens the sink behind a URL. Its module is loaded on demand: the AWS SDK costs time and memory.
 * @throws {ConfigError} when the configuration is not sufficient for this sink
 */
export async function openSink(url: string): Promise<Sink> {
  const { openSqsSink } = await import('./sqs-sink.ts')
  return openSqsSink(url)
}
