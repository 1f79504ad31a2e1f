import { collectDefaultMetrics, Registry } from 'prom-client'

let registry: Registry | undefined

/**
 * prom-client's measures of the process: event loop, garbage collection, memory, CPU, handles. They are begun with the
 * first scrape, so that they cost nothing where nobody asks. All apps of a process share them: prom-client gives no means
 * to end what it watches the event loop and the collector with, so one begun for each app would stay behind when the app
 * closes. They keep no process from ending.
 */
export function processMetrics(): Registry {
  if (registry === undefined) {
    registry = new Registry()
    collectDefaultMetrics({ register: registry })
  }
  return registry
}
