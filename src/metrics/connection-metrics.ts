import { Counter, Gauge, type Registry } from 'prom-client'
import type { Connections } from '../connections.ts'

/** Measures connections, and what they hold of memory. @returns what counts those that were refused or cut off */
export function connectionMetrics(registry: Registry, connections: Connections) {
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  }
  gauge('intake_connections', 'Connections of clients that are open', () => connections.open)
  gauge(
    'intake_body_bytes',
    'Bodies of requests that arrive or are worked on, in bytes',
    () => connections.bodies.taken,
  )
  gauge(
    'intake_unread_answer_bytes',
    'Answers that clients have not taken yet, in bytes',
    () => connections.unread.taken,
  )
  const refused = new Counter({
    name: 'intake_connections_refused_total',
    help: 'Connections that were refused because too many were open',
    registers,
  })
  const cutOff = new Counter({
    name: 'intake_connections_cut_off_total',
    help: 'Connections that were ended because the client took too long over an answer',
    registers,
  })
  return { refused: () => refused.inc(), cutOff: (howMany: number) => cutOff.inc(howMany) }
}
