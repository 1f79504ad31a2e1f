import { isIP } from 'node:net'
import { JetStreamApiError, type JetStreamClient, jetstream } from '@nats-io/jetstream'
import { type ConnectionOptions, errors, headers, type NatsConnection } from '@nats-io/transport-node'
import { CLOUD_EVENT } from './message.ts'
import { connectToNats } from './nats-transport.ts'
import { failureOf, type Message, type SendResult, type Sink } from './sink.ts'

/** In milliseconds. */
const CONNECTION_MS = 2_000
const ACK_MS = 5_000
/** A server that leaves two pings unanswered is left for another: a machine that dies does not end its connections. */
const PING_MS = 10_000
/** JetStream's code for a message that is larger than its stream allows. */
const MESSAGE_TOO_LARGE = 10054

/** Opens a sink to the JetStream stream that takes the subject in the URL's path. It connects with the first event. */
export const openNatsSink = (url: URL): Sink => new NatsSink(url)

class NatsSink implements Sink {
  readonly batchSize = 10
  readonly #url: URL
  #connection: Promise<NatsConnection> | undefined

  constructor(url: URL) {
    this.#url = url
  }

  async send(messages: Message[]): Promise<SendResult[]> {
    const client = jetstream(await this.#connect())
    return Promise.all(messages.map((message) => this.#publish(client, message)))
  }

  /** Does not wait for a connection that is still being made: that is closed once it is there. */
  close(): void {
    this.#connection?.then((connection) => connection.close()).catch(() => {})
  }

  /** The client reconnects by itself, to any server of the cluster, until it is closed: by us, or when it is not let in. */
  #connect(): Promise<NatsConnection> {
    if (this.#connection !== undefined) return this.#connection
    const connection = connectToNats(optionsOf(this.#url))
    const forget = (): void => {
      if (this.#connection === connection) this.#connection = undefined
    }
    connection.then((open) => open.closed().then(forget), forget)
    this.#connection = connection
    return connection
  }

  /** Waits for the acknowledgement of the stream. A repeat that the stream has dropped is acknowledged as well. */
  async #publish(client: JetStreamClient, { id, json }: Message): Promise<SendResult> {
    const header = headers()
    header.set('Content-Type', CLOUD_EVENT)
    try {
      await client.publish(this.#url.pathname.slice(1), json, { msgID: id, headers: header, timeout: ACK_MS })
      return { kind: 'taken' }
    } catch (error) {
      return { kind: isFaultOfEvent(error) ? 'refused' : 'failed', reason: failureOf(error) }
    }
  }
}

/** Whether the event is too large for the stream, or for the server. */
const isFaultOfEvent = (error: unknown): boolean =>
  error instanceof JetStreamApiError ? error.code === MESSAGE_TOO_LARGE : error instanceof errors.InvalidArgumentError

function optionsOf({ protocol, host, hostname, username, password }: URL): ConnectionOptions {
  const user = decodeURIComponent(username)
  return {
    servers: host,
    name: 'fragrance-formula-intake',
    timeout: CONNECTION_MS,
    maxReconnectAttempts: -1,
    pingInterval: PING_MS,
    ...(protocol === 'tls:' && { tls: identityOf(hostname.replace(/^\[|\]$/g, '')) }),
    ...(password !== '' ? { user, pass: decodeURIComponent(password) } : user !== '' && { token: user }),
  }
}

/** The client passes these on to Node, which otherwise takes a server with an address for `localhost`. */
const identityOf = (host: string): object => (isIP(host) === 0 ? {} : { host })
