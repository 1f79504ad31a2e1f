import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs'
import { type FauxqsServer, startFauxqs } from 'fauxqs'
import type { Test } from 'tap'

/** Replaces the answer to a call; `forward` sends the call on to get the real one. */
export type Fault = (forward: () => void, response: ServerResponse, body: Call) => void

/** A call as SQS gets it. */
export interface Call {
  QueueUrl: string
  Entries: {
    Id: string
    MessageBody: string
    MessageDeduplicationId?: string
    MessageGroupId?: string
  }[]
}

/** A local SQS, and a gate before it that can change what it answers. */
export interface LocalSqs {
  /** Where the SDK is to send its calls: the gate. */
  endpoint: string
  queueUrl: string
  /** Every call that reached the gate. */
  calls: Call[]
  /** How many calls have reached the gate and are not answered yet. */
  pending: number
  /** The regions in the calls' signatures. */
  regions: Set<string>
  /** The fault of all calls from now on; null lets them pass. */
  fault: Fault | null
  /** The messages in the queue, oldest first. */
  messages(): { body: string; groupId?: string | undefined; deduplicationId?: string | undefined }[]
  /** Formula ids of the messages, sorted. */
  ids(): string[]
  /** Changes attributes of the queue. */
  configure(attributes: Record<string, string>): Promise<void>
  /** Ends the server behind the gate, with all its messages; and the gate, so that connections are refused. */
  stop(): Promise<void>
  /** Starts it again at the same port, empty. */
  start(): Promise<void>
}

const ACCOUNT = '000000000000'

/** Starts a local SQS with one queue, FIFO where its name ends so, and lets the SDK find it by its own variables. */
export async function startSqs(t: Test, name = 'formulas', attributes: Record<string, string> = {}): Promise<LocalSqs> {
  const fifo = name.endsWith('.fifo') ? { FifoQueue: 'true' } : {}
  let server: FauxqsServer
  const gate = createServer((incoming, response) => void pass(incoming, response, sqs, () => server.port))
  const start = async (port = 0): Promise<void> => {
    server = await startFauxqs({ port: 0, logger: false, defaultRegion: 'us-east-1' })
    server.createQueue(name, { attributes: { ...fifo, ...attributes } })
    await new Promise<void>((resolve) => gate.listen(port, '127.0.0.1', resolve))
  }
  const stop = async (): Promise<void> => {
    if (!gate.listening) return
    const closed = new Promise((resolve) => gate.close(resolve))
    gate.closeAllConnections()
    await Promise.all([closed, server.stop()])
  }
  await start()
  const { port } = gate.address() as AddressInfo
  const endpoint = `http://127.0.0.1:${port}`
  const messages = () =>
    (server.inspectQueue(name)?.messages.ready ?? []).map(({ body, messageGroupId, messageDeduplicationId }) => ({
      body,
      groupId: messageGroupId,
      deduplicationId: messageDeduplicationId,
    }))
  const sqs: LocalSqs = {
    endpoint,
    queueUrl: `http://sqs.us-east-1.localhost:${port}/${ACCOUNT}/${name}`,
    calls: [],
    pending: 0,
    regions: new Set(),
    fault: null,
    messages,
    ids: () =>
      messages()
        .map(({ body }) => JSON.parse(body).id)
        .sort(),
    async configure(Attributes) {
      const client = new SQSClient({ endpoint: server.address, region: 'us-east-1' })
      await client.send(new SetQueueAttributesCommand({ QueueUrl: sqs.queueUrl, Attributes }))
      client.destroy()
    },
    stop,
    start: () => start(port),
  }
  t.teardown(stop)
  Object.assign(process.env, environment(sqs))
  return sqs
}

/** The environment variables of the SDK. */
export const environment = ({ endpoint }: { endpoint: string }) => ({
  AWS_ENDPOINT_URL_SQS: endpoint,
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
})

/** Answers as SQS does when it fails. */
export function answer(response: ServerResponse, status: number, type: string): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' })
  response.end(JSON.stringify({ __type: `com.amazonaws.sqs#${type}`, message: `It is ${type}` }))
}

/** A fault that loses the answers of the first calls, on their way back. */
export function losing(count: number): Fault {
  let left = count
  return (forward, response) => {
    if (left-- > 0) response.end = (() => response.destroy()) as typeof response.end
    forward()
  }
}

/** A fault that answers every call with this error. */
export const always =
  (status: number, type: string): Fault =>
  (_forward, response) =>
    answer(response, status, type)

/** A fault that withholds some entries from SQS and reports them as failed. */
export function refusing(
  error: { Code: string; SenderFault: boolean; Message?: string },
  isMeant: (entry: Call['Entries'][number]) => boolean,
): Fault {
  return (forward, response, body) => {
    const Failed = body.Entries.filter(isMeant).map(({ Id }) => ({ Id, ...error }))
    body.Entries = body.Entries.filter((entry) => !isMeant(entry))
    const send = response.end.bind(response)
    const withFailed = (text: unknown): ServerResponse => {
      const { Successful = [] } = JSON.parse(String(text))
      return send(JSON.stringify({ Successful, Failed }))
    }
    response.end = withFailed as typeof response.end
    if (body.Entries.length > 0) return forward()
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end('{}')
  }
}

async function pass(
  incoming: IncomingMessage,
  response: ServerResponse,
  sqs: LocalSqs,
  port: () => number,
): Promise<void> {
  sqs.pending++
  response.on('close', () => sqs.pending--)
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  const body: Call = JSON.parse(Buffer.concat(chunks).toString())
  sqs.calls.push(structuredClone(body))
  sqs.regions.add(/Credential=[^/]+\/\d+\/([^/]+)/.exec(incoming.headers.authorization ?? '')?.[1] ?? '')
  const forward = (): void => {
    const { 'content-length': _, ...headers } = incoming.headers
    const onward = request({ port: port(), method: 'POST', path: incoming.url, headers }, async (answered) => {
      const parts: Buffer[] = []
      for await (const part of answered) parts.push(part)
      response.writeHead(answered.statusCode ?? 502, { 'content-type': answered.headers['content-type'] })
      response.end(Buffer.concat(parts))
    })
    onward.on('error', () => response.destroy())
    onward.end(JSON.stringify(body))
  }
  if (sqs.fault === null) forward()
  else sqs.fault(forward, response, body)
}

/** Waits up to 20 seconds of real time until a condition holds; calls `meanwhile` between polls. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  meanwhile = (): unknown => undefined,
): Promise<void> {
  const end = Date.now() + 20_000
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`Not within 20 seconds: ${holds}`)
    meanwhile()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
