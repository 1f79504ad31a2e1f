import {
  type BatchResultErrorEntry,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { ConfigError } from '../config/config.ts'
import type { FormulaEvent } from '../stores/ports.ts'
import type { Sender, Sent } from './sink.ts'

/** How long a call may take to connect, and then to be answered, in milliseconds. */
const CONNECTION_MS = 2_000
const REQUEST_MS = 5_000
const LONGEST_REASON = 200

/**
 * Opens a sender to an SQS queue. Credentials come from the SDK's own chain, the region from the queue's URL where it
 * tells, else from that chain too.
 * @throws {ConfigError} when the region is not known
 */
export async function openSqsSender(queueUrl: string): Promise<Sender> {
  const client = new SQSClient({
    ...regionOf(queueUrl),
    // The SDK would prefer the URL's host to an endpoint it has read from the environment.
    useQueueUrlAsEndpoint: !process.env.AWS_ENDPOINT_URL_SQS && !process.env.AWS_ENDPOINT_URL,
    // Who calls has a backoff of its own.
    maxAttempts: 1,
    // Without throwOnRequestTimeout the SDK would only warn, and wait on.
    requestHandler: {
      connectionTimeout: CONNECTION_MS,
      requestTimeout: REQUEST_MS,
      throwOnRequestTimeout: true,
    },
    logger: SILENT,
  })
  await client.config.region().catch(() => {
    throw new ConfigError(['SQS_QUEUE_URL: does not tell the region of the queue; set AWS_REGION'])
  })
  return new SqsSender(client, queueUrl)
}

class SqsSender implements Sender {
  readonly #client: SQSClient
  readonly #queueUrl: string
  readonly #isFifo: boolean

  constructor(client: SQSClient, queueUrl: string) {
    this.#client = client
    this.#queueUrl = queueUrl
    this.#isFifo = new URL(queueUrl).pathname.endsWith('.fifo')
  }

  async send(events: FormulaEvent[], signal: AbortSignal): Promise<Sent[]> {
    // Ten events are some 30 kB at most, as names are bounded: far below what a batch may have.
    const Entries = events.map((event, index) => this.#toEntry(event, index))
    try {
      const command = new SendMessageBatchCommand({ QueueUrl: this.#queueUrl, Entries })
      const { Successful = [], Failed = [] } = await this.#client.send(command, { abortSignal: signal })
      const taken = new Set(Successful.map(({ Id }) => Id))
      const errors = new Map(Failed.map((error) => [error.Id, error]))
      return Entries.map(({ Id }) => (taken.has(Id) ? { kind: 'taken' } : toSent(errors.get(Id))))
    } catch (error) {
      if (events.length === 1 && isOfTheEvent(error)) return [{ kind: 'refused', reason: reasonOf(error) }]
      throw new Error(reasonOf(error), { cause: error })
    }
  }

  close(): void {
    this.#client.destroy()
  }

  /**
   * In a FIFO queue each event has a group of its own: there is one event for each formula, so there is no order to
   * keep, and a group for several would only let one hold up the others.
   */
  #toEntry({ id, name, createdAt, traceparent }: FormulaEvent, index: number): SendMessageBatchRequestEntry {
    const entry = {
      Id: `${index}`,
      MessageBody: inXmlCharacters(JSON.stringify({ id, name, createdAt })),
      ...(traceparent && { MessageAttributes: { traceparent: { DataType: 'String', StringValue: traceparent } } }),
    }
    return this.#isFifo ? { ...entry, MessageDeduplicationId: id, MessageGroupId: id } : entry
  }
}

/**
 * Writes as escapes what SQS refuses in a body (U+FFFE and U+FFFF, which a name may have), and surrogates, which
 * stand-ins for SQS refuse. To a reader of JSON it is the same text.
 */
function inXmlCharacters(json: string): string {
  return json.replace(/[\ud800-\udfff\ufffe\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`)
}

/** Codes that may come as the sender's fault, but lie in rights, keys, rates or the queue: no event must die of them. */
const NOT_OF_THE_EVENT = /kms|denied|unauthori[sz]ed|throttl|limit|nonexistent|notexist/i

function toSent(error: BatchResultErrorEntry | undefined): Sent {
  if (error === undefined) return { kind: 'failed', reason: 'The answer does not tell what became of an event' }
  const { Code = 'Unknown', SenderFault = false, Message = '' } = error
  const kind = SenderFault && !NOT_OF_THE_EVENT.test(Code) ? 'refused' : 'failed'
  return { kind, reason: brief(`${Code}: ${Message}`) }
}

/** Errors of a call that lie in what is sent: they are known by sending single events, as after any failure. */
const isOfTheEvent = (error: unknown): boolean =>
  ['InvalidMessageContents', 'BatchRequestTooLong'].includes((error as Error).name)

function reasonOf(error: unknown): string {
  const { name, code, message } = error as NodeJS.ErrnoException
  return brief([...new Set([name, code, message])].filter(Boolean).join(': '))
}

/** What follows the first line may hold parts of the request that was signed. */
const brief = (reason: string): string => (reason.split('\n', 1)[0] as string).slice(0, LONGEST_REASON)

function regionOf(queueUrl: string): { region?: string } {
  const { hostname } = new URL(queueUrl)
  const [, region] = /(?:^|\.)sqs(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-\d+)\./.exec(hostname) ?? []
  return region === undefined ? {} : { region }
}

const nothing = (): void => {}
/** Reasons are told by what is thrown; the SDK would print them a second time. */
const SILENT = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing }
