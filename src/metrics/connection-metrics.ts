import { Counter, Gauge, type Registry } from 'prom-client'

/** What is asked for at each scrape. */
export interface ConnectionSources {
  connections(): number
  bodyBytes(): number
  unreadBytes(): number
}

/** Measures connections, and what they hold of memory. @returns what counts those that were refused or cut off */
export function connectionMetrics(registry: Registry, sources: ConnectionSources) {
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
  gauge('intake_connections', 'Connections of clients that are open', sources.connections)
  gauge('intake_body_bytes', 'Bodies of requests that arrive or are worked on, in bytes', sources.bodyBytes)
  gauge('intake_unread_answer_bytes', 'Answers that clients have not taken yet, in bytes', sources.unreadBytes)
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
