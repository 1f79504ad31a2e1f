import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import {
  type ConnectionOptions,
  type NatsConnection,
  NatsConnectionImpl,
  setTransportFactory,
} from '@nats-io/transport-node'
import { NodeTransport, nodeResolveHost } from '@nats-io/transport-node/lib/node_transport.js'

/**
 * Connects as `connect` of the library does, but leaves no socket behind when a server accepts a connection and then says
 * nothing, or when the connection is closed while it is being made.
 */
export function connectToNats(options: ConnectionOptions): Promise<NatsConnection> {
  // The factory is global: `connect` of the library would replace it.
  setTransportFactory({ factory: () => new ClosingTransport(), dnsResolveFn: nodeResolveHost })
  return NatsConnectionImpl.connect(options)
}

/** The own transport of the library, of which it exports no class, does not close its socket before the handshake is complete. */
class ClosingTransport extends NodeTransport {
  /** Keeps the socket before it is connected, so that `discard` finds it. */
  override async dial({ port, hostname }: { port: number; hostname: string }): Promise<Socket> {
    this.socket = createConnection({ port, host: hostname, noDelay: true })
    await once(this.socket, 'connect')
    return this.socket
  }

  /** Called when a server has not answered for long: what it has not read yet cannot be awaited. */
  override disconnect(): void {
    void this.close()
  }

  override async close(error?: Error): Promise<void> {
    await super.close(error)
    this.discard()
  }
}
