import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** The ways from one node to the servers of etcd, which can be cut. */
export class Gate {
  /** A port for each server. */
  ports: number[] = []
  #servers: Server[] = []
  readonly #sockets = new Set<Socket>()
  #isShut = false

  static async to(targets: number[]): Promise<Gate> {
    const gate = new Gate()
    gate.#servers = targets.map((target) => createServer((socket) => gate.#pass(socket, target)))
    for (const server of gate.#servers) await once(server.listen(0, '127.0.0.1'), 'listening')
    gate.ports = gate.#servers.map((server) => (server.address() as AddressInfo).port)
    return gate
  }

  /** Ends all connections. New ones are accepted, and hear nothing. */
  shut(): void {
    this.#isShut = true
    for (const socket of this.#sockets) socket.destroy()
  }

  open(): void {
    this.#isShut = false
    for (const socket of this.#sockets) socket.destroy()
  }

  close(): void {
    this.shut()
    for (const server of this.#servers) server.close()
  }

  #pass(socket: Socket, target: number): void {
    this.#keep(socket)
    if (this.#isShut) return
    const onward = connect(target, '127.0.0.1')
    this.#keep(onward)
    socket.pipe(onward).pipe(socket)
    socket.once('close', () => onward.destroy())
    onward.once('close', () => socket.destroy())
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => this.#sockets.delete(socket))
  }
}
