import { Counter, Gauge, type Registry } from 'prom-client'

/** What is read at each scrape. */
export interface ConnectionSources {
  connections(): number
  bodyBytes(): number
  unreadBytes(): number
}

/** Registers the metrics of connections and their memory. @returns counters of refused and ended connections */
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
  gauge('intake_connections', 'Open client connections', sources.connections)
  gauge('intake_body_bytes', 'Request bodies that are arriving or being processed, in bytes', sources.bodyBytes)
  gauge('intake_unread_answer_bytes', 'Answers that clients have not read yet, in bytes', sources.unreadBytes)
  const refused = new Counter({
    name: 'intake_connections_refused_total',
    help: 'Connections that were refused because too many were open',
    registers,
  })
  const cutOff = new Counter({
    name: 'intake_connections_cut_off_total',
    help: 'Connections that were closed because the client read an answer too slowly',
    registers,
  })
  return { refused: () => refused.inc(), cutOff: (connections: number) => cutOff.inc(connections) }
}
