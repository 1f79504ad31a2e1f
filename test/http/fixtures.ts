import type { FastifyInstance } from 'fastify'
import { StoreUnavailable } from '../../src/errors/store-errors.ts'
import { type Clock, systemClock } from '../../src/kit/clock.ts'
import { openMemory } from '../../src/stores/sqlite/memory.ts'

/** Stores in memory; a test may replace their methods. */
export const memoryStores = (clock: Clock = systemClock, maxReceives = 5) =>
  openMemory({ clock, answerTtlMs: 3_600_000, maxReceives })

/** Stores in memory whose intake holds every submission back until `release` is called. */
export function holdingStores() {
  const stores = memoryStores()
  return { stores, ...hold(stores) }
}

/** From now on holds every submission back until `release` is called. */
export function hold(stores: ReturnType<typeof memoryStores>) {
  const accept = stores.intake.accept.bind(stores.intake)
  const [entered, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  stores.intake.accept = async (...args) => {
    entered.resolve()
    await held.promise
    return accept(...args)
  }
  return { entered: entered.promise, release: held.resolve }
}

/** A store's method that fails. */
export const unavailable = (): Promise<never> => Promise.reject(new StoreUnavailable('the disk is full'))

/** Makes a service shed every further submission. */
export const overload = ({ orchestrator }: FastifyInstance): object =>
  Object.defineProperty(orchestrator, 'load', { value: { submissions: 1e9, formulas: 0 }, configurable: true })

/** A line of the log. */
export type LogLine = Record<string, unknown>

/** A logger, and the lines that it has written. */
export function captureLog(level = 'warn') {
  const lines: LogLine[] = []
  return { lines, logger: { level, stream: { write: (line: string) => void lines.push(JSON.parse(line)) } } }
}
