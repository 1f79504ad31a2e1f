import { Counter, Gauge, type Registry } from 'prom-client'
import type { Clock } from '../kit/clock.ts'
import { Deadline } from '../kit/clock.ts'
import type { ForwarderHealth } from '../outbox/circuit-breaker.ts'
import {
  type Cleanup,
  type EventQueue,
  type Standby,
  type Stores,
  type Subscription,
  SYNC_STATES,
} from '../stores/ports.ts'

/** Timeout of a store call, in milliseconds: well below the scrape timeout of Prometheus (10 s). */
const STORE_TIMEOUT_MS = 2_000

/** Registers a gauge. @param collect sets its value at each scrape */
function gauge<L extends string>(
  registry: Registry,
  metric: { name: string; help: string; labelNames?: L[] },
  collect: (gauge: Gauge<L>) => void | Promise<void>,
): void {
  new Gauge<L>({
    ...metric,
    registers: [registry],
    collect() {
      return collect(this)
    },
  })
}

/** What is read at each scrape. */
interface ConnectionSources {
  connections(): number
  bodyBytes(): number
  unreadBytes(): number
}

/** Registers the metrics of connections and their memory. @returns counters of refused and ended connections */
export function connectionMetrics(registry: Registry, { connections, bodyBytes, unreadBytes }: ConnectionSources) {
  gauge(registry, { name: 'intake_connections', help: 'Open client connections' }, (gauge) => gauge.set(connections()))
  gauge(
    registry,
    { name: 'intake_body_bytes', help: 'Request bodies that are arriving or being processed, in bytes' },
    (gauge) => gauge.set(bodyBytes()),
  )
  gauge(
    registry,
    { name: 'intake_unread_answer_bytes', help: 'Answers that clients have not read yet, in bytes' },
    (gauge) => gauge.set(unreadBytes()),
  )
  const refused = new Counter({
    name: 'intake_connections_refused_total',
    help: 'Connections that were refused because too many were open',
    registers: [registry],
  })
  const cutOff = new Counter({
    name: 'intake_connections_cut_off_total',
    help: 'Connections that were closed because the client read an answer too slowly',
    registers: [registry],
  })
  return { refused: () => refused.inc(), cutOff: (connections: number) => cutOff.inc(connections) }
}

/** What is read at each scrape. */
interface StateSources {
  queue: Pick<EventQueue, 'subscriptions'>
  standbys: Stores['standbys']
  cleanups(): Promise<Cleanup[]>
  /** @returns which of `db` and `queue` are not available; it has its own timeout */
  unavailableStores(): Promise<string[]>
  /** The health of each sink, by its subscription. */
  forwarders(): Map<string, ForwarderHealth>
  /** Whether a changed file of API keys could not be loaded. */
  keysAreStale(): boolean
}

/** Registers gauges of the service's state. A gauge that cannot be read has no value. */
export function stateGauges(registry: Registry, sources: StateSources, clock: Clock): void {
  /** @returns a call whose result is null when there is no answer in time; `intake_store_up` reports that */
  const asking = <T>(call: () => Promise<T>): (() => Promise<T | null>) =>
    shared(() => new Deadline(clock, STORE_TIMEOUT_MS).bound(call()).catch(() => null))
  const subscriptions = asking(() => sources.queue.subscriptions())
  queueGauges(registry, subscriptions)
  if (sources.standbys) standbyGauges(registry, asking(sources.standbys))
  const owed = asking(() => sources.cleanups())
  gauge(
    registry,
    {
      name: 'intake_cleanups_owed',
      help: 'Rollbacks and erasures that were interrupted and are still owed, of at most 1000 in the database',
    },
    async (gauge) => {
      const cleanups = await owed()
      if (cleanups === null) gauge.remove()
      else gauge.set(cleanups.length)
    },
  )
  gauge(
    registry,
    { name: 'intake_store_up', help: '1 if the store answered within 2 seconds, else 0', labelNames: ['store'] },
    async (gauge) => {
      const unavailable = await sources.unavailableStores()
      for (const store of ['db', 'queue']) gauge.set({ store }, unavailable.includes(store) ? 0 : 1)
    },
  )
  gauge(
    registry,
    {
      name: 'intake_api_keys_stale',
      help: '1 while the file of API keys cannot be loaded, so that revoked keys may still be in force, else 0',
    },
    (gauge) => gauge.set(sources.keysAreStale() ? 1 : 0),
  )
  if (sources.forwarders().size > 0) forwarderGauge(registry, sources.forwarders)
}

function forwarderGauge(registry: Registry, forwarders: StateSources['forwarders']): void {
  gauge(
    registry,
    {
      name: 'intake_forwarder_up',
      help: '1 while events of the subscription can be forwarded, 0 while that fails',
      labelNames: ['subscription'],
    },
    (gauge) => {
      for (const [subscription, { state }] of forwarders()) {
        gauge.set({ subscription }, state === 'forwarding' ? 1 : 0)
      }
    },
  )
}

/** Concurrent callers share one call of `read`. */
function shared<T>(read: () => Promise<T>): () => Promise<T> {
  let reading: Promise<T> | undefined
  return () => {
    reading ??= read().finally(() => {
      reading = undefined
    })
    return reading
  }
}

function queueGauges(registry: Registry, read: () => Promise<Subscription[] | null>): void {
  gauge(
    registry,
    {
      name: 'intake_queue_events',
      help: 'Events of each subscription by state; `dead` are dead letters',
      labelNames: ['subscription', 'state'],
    },
    async (gauge) => {
      const all = (await read()) ?? []
      gauge.reset()
      for (const { name: subscription, ...figures } of all) {
        for (const state of ['ready', 'leased', 'delayed', 'dead'] as const) {
          gauge.set({ subscription, state }, figures[state])
        }
      }
    },
  )
  gauge(
    registry,
    {
      name: 'intake_queue_oldest_ready_age_seconds',
      help: 'Age of the oldest event that is ready to be leased, by subscription; 0 if there is none',
      labelNames: ['subscription'],
    },
    async (gauge) => {
      const all = (await read()) ?? []
      gauge.reset()
      for (const { name: subscription, oldestReadyAgeSeconds } of all) {
        gauge.set({ subscription }, oldestReadyAgeSeconds ?? 0)
      }
    },
  )
}

function standbyGauges(registry: Registry, read: () => Promise<Standby[] | null | undefined>): void {
  gauge(
    registry,
    {
      name: 'intake_postgres_standbys',
      help: 'Standbys that follow the primary, by `sync_state`; commits wait for a `sync` or `quorum` one',
      labelNames: ['state'],
    },
    async (gauge) => {
      const all = await read()
      gauge.reset()
      if (!all) return
      for (const state of SYNC_STATES) gauge.set({ state }, all.filter((standby) => standby.state === state).length)
    },
  )
  gauge(
    registry,
    {
      name: 'intake_postgres_standby_lag_bytes',
      help: 'Write-ahead log that a standby has not replayed, by its name; of several with one name, the most',
      labelNames: ['standby'],
    },
    async (gauge) => {
      const all = (await read()) ?? []
      gauge.reset()
      const byLag = all.toSorted((one, other) => one.lagBytes - other.lagBytes)
      for (const { name, lagBytes } of byLag) gauge.set({ standby: name }, lagBytes)
    },
  )
}
