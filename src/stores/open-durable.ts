import type { DurableStores } from './durable.ts'
import type { StoreLocation } from './location.ts'
import type { EngineOptions } from './ports.ts'
import { openPostgres } from './postgres/engine.ts'
import { openSqlite } from './sqlite/engine.ts'

/**
 * Opens all stores of one durable database.
 * @throws {StoreRefused} when it must not be opened as it is
 * @throws {StoreUnavailable} when it does not answer
 */
export function openDurable(
  location: Exclude<StoreLocation, { engine: 'memory' }>,
  options: EngineOptions,
): Promise<DurableStores> {
  return location.engine === 'sqlite' ? openSqlite(location.path, options) : openPostgres(location.url, options)
}
