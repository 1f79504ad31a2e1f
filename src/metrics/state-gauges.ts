import { Gauge, type Registry } from 'prom-client'
import type { Clock } from '../kit/clock.ts'
import { Deadline } from '../kit/deadline.ts'
import type { ForwarderHealth } from '../outbox/circuit-breaker.ts'
import { type Cleanup, DEFAULT_SUBSCRIPTION, type EventQueue } from '../stores/ports.ts'

/** Timeout of a store call, in milliseconds: well below the scrape timeout of Prometheus (10 s). */
const STORE_TIMEOUT_MS = 2_000

/** What is read at each scrape. */
export interface StateSources {
  queue: Pick<EventQueue, 'stats'>
  cleanups(): Promise<Cleanup[]>
  /** @returns which of `db` and `queue` are not available; it has its own timeout */
  unavailableStores(): Promise<string[]>
  forwarder(): ForwarderHealth
  /** Whether a changed file of API keys could not be loaded. */
  keysAreStale(): boolean
}

/** Gauges that are read from the service's state at each scrape. A gauge that cannot be read has no value. */
export class StateGauges {
  readonly #sources: StateSources
  readonly #clock: Clock
  readonly #events: Gauge<'state'>
  readonly #oldest: Gauge
  readonly #cleanups: Gauge
  readonly #stores: Gauge<'store'>
  readonly #staleKeys: Gauge
  readonly #forwarder: Gauge | undefined

  constructor(registry: Registry, sources: StateSources, clock: Clock) {
    this.#sources = sources
    this.#clock = clock
    const registers = [registry]
    this.#events = new Gauge({
      name: 'intake_queue_events',
      help: 'Events in the queue by state; `dead` are dead letters',
      labelNames: ['state'],
      registers,
    })
    this.#oldest = new Gauge({
      name: 'intake_queue_oldest_ready_age_seconds',
      help: 'Age of the oldest event that is ready to be leased; 0 if there is none',
      registers,
    })
    this.#cleanups = new Gauge({
      name: 'intake_cleanups_owed',
      help: 'Rollbacks that were interrupted and are still owed, of at most 1000 in the database',
      registers,
    })
    this.#stores = new Gauge({
      name: 'intake_store_up',
      help: '1 if the store answered within 2 seconds, else 0',
      labelNames: ['store'],
      registers,
    })
    this.#staleKeys = new Gauge({
      name: 'intake_api_keys_stale',
      help: '1 while the file of API keys cannot be loaded, so that revoked keys may still be in force, else 0',
      registers,
    })
    if (sources.forwarder().state === 'off') return
    this.#forwarder = new Gauge({
      name: 'intake_forwarder_up',
      help: '1 while events can be forwarded, 0 while that fails',
      registers,
    })
  }

  /** Reads all sources at once, each within two seconds. */
  async read(): Promise<void> {
    await Promise.all([this.#readQueue(), this.#readCleanups(), this.#readStores()])
    this.#staleKeys.set(this.#sources.keysAreStale() ? 1 : 0)
    this.#forwarder?.set(this.#sources.forwarder().state === 'forwarding' ? 1 : 0)
  }

  async #readQueue(): Promise<void> {
    const stats = await this.#ask(() => this.#sources.queue.stats(DEFAULT_SUBSCRIPTION))
    if (stats === null) {
      this.#events.reset()
      return this.#oldest.remove()
    }
    for (const state of ['ready', 'leased', 'delayed', 'dead'] as const) this.#events.set({ state }, stats[state])
    this.#oldest.set(stats.oldestReadyAgeSeconds ?? 0)
  }

  async #readCleanups(): Promise<void> {
    const cleanups = await this.#ask(() => this.#sources.cleanups())
    if (cleanups === null) this.#cleanups.remove()
    else this.#cleanups.set(cleanups.length)
  }

  async #readStores(): Promise<void> {
    const unavailable = await this.#sources.unavailableStores()
    for (const store of ['db', 'queue']) this.#stores.set({ store }, unavailable.includes(store) ? 0 : 1)
  }

  /** @returns null when there is no answer in time; `intake_store_up` reports that */
  #ask<T>(call: () => Promise<T>): Promise<T | null> {
    return new Deadline(this.#clock, STORE_TIMEOUT_MS).bound(call()).catch(() => null)
  }
}
