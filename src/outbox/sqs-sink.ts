import {
  type BatchResultErrorEntry,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { ConfigError } from '../config/config.ts'
import { brief, failureOf, type Message, type SendResult, type Sink } from './sink.ts'

/** Timeouts of a call, in milliseconds: to connect, then to be answered. */
const CONNECTION_MS = 2_000
const REQUEST_MS = 5_000

/**
 * Opens an SQS queue. The region comes from its URL if it names one, else from the SDK's configuration chain, which also
 * gives the credentials.
 * @throws {ConfigError} when the region is not known
 */
export async function openSqsSink(queueUrl: URL): Promise<Sink> {
  const client = new SQSClient({
    ...regionOf(queueUrl),
    // Otherwise the SDK prefers the URL's host to an endpoint from the environment.
    useQueueUrlAsEndpoint: !process.env.AWS_ENDPOINT_URL_SQS && !process.env.AWS_ENDPOINT_URL,
    // The forwarder retries with its own backoff.
    maxAttempts: 1,
    // Without throwOnRequestTimeout the SDK only warns and goes on waiting.
    requestHandler: {
      connectionTimeout: CONNECTION_MS,
      requestTimeout: REQUEST_MS,
      throwOnRequestTimeout: true,
    },
    logger: SILENT,
  })
  await client.config.region().catch(() => {
    throw new ConfigError([`The SQS queue at ${queueUrl.host}: its URL names no region; set AWS_REGION`])
  })
  return new SqsSink(client, queueUrl.href.replace(/\/+$/, ''))
}

class SqsSink implements Sink {
  readonly batchSize = 10
  readonly #client: SQSClient
  readonly #queueUrl: string
  readonly #isFifo: boolean

  constructor(client: SQSClient, queueUrl: string) {
    this.#client = client
    this.#queueUrl = queueUrl
    this.#isFifo = queueUrl.endsWith('.fifo')
  }

  async send(messages: Message[], signal: AbortSignal): Promise<SendResult[]> {
    // Names are bounded, so ten events are at most about 40 kB: far below the limit of a batch.
    const Entries = messages.map((message, index) => this.#toEntry(message, index))
    try {
      const command = new SendMessageBatchCommand({ QueueUrl: this.#queueUrl, Entries })
      const { Successful = [], Failed = [] } = await this.#client.send(command, { abortSignal: signal })
      const taken = new Set(Successful.map(({ Id }) => Id))
      const errors = new Map(Failed.map((error) => [error.Id, error]))
      return Entries.map(({ Id }) => (taken.has(Id) ? { kind: 'taken' } : toResult(errors.get(Id))))
    } catch (error) {
      if (messages.length === 1 && isFaultOfEvent(error)) return [{ kind: 'refused', reason: failureOf(error) }]
      throw new Error(failureOf(error), { cause: error })
    }
  }

  close(): void {
    this.#client.destroy()
  }

  /**
   * In a FIFO queue each event is its own message group: a formula has a single event, so there is no order to keep, and
   * in a shared group one event could block the others.
   */
  #toEntry({ id, json }: Message, index: number): SendMessageBatchRequestEntry {
    const entry = { Id: `${index}`, MessageBody: inXmlCharacters(json) }
    return this.#isFifo ? { ...entry, MessageDeduplicationId: id, MessageGroupId: id } : entry
  }
}

/**
 * Escapes characters that SQS refuses in a body (U+FFFE and U+FFFF, which a name may contain) and surrogates, which SQS
 * emulators refuse. A JSON parser reads the same text.
 */
function inXmlCharacters(json: string): string {
  return json.replace(/[\ud800-\udfff\ufffe\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`)
}

/**
 * Codes that SQS may report as the sender's fault, though they concern permissions, keys, rates or the queue: they must
 * not turn events into dead letters.
 */
const NOT_FAULT_OF_EVENT = /kms|denied|unauthori[sz]ed|throttl|limit|nonexistent|notexist/i

function toResult(error: BatchResultErrorEntry | undefined): SendResult {
  if (error === undefined) return { kind: 'failed', reason: 'The answer has no result for this event' }
  const { Code = 'Unknown', SenderFault = false, Message = '' } = error
  const kind = SenderFault && !NOT_FAULT_OF_EVENT.test(Code) ? 'refused' : 'failed'
  return { kind, reason: brief(`${Code}: ${Message}`) }
}

/** Whether a call of a single event failed because of that event. */
const isFaultOfEvent = (error: unknown): boolean =>
  ['InvalidMessageContents', 'BatchRequestTooLong'].includes((error as Error).name)

function regionOf({ hostname }: URL): { region?: string } {
  const [, region] = /(?:^|\.)sqs(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-\d+)\./.exec(hostname) ?? []
  return region === undefined ? {} : { region }
}

const nothing = (): void => {}
/** Errors are thrown with their reason; the SDK would log them a second time. */
const SILENT = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing }
