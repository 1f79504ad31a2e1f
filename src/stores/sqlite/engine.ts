import type { DurableStores, EngineOptions, OnCommit } from '../ports.ts'
import type { ReadCommands, WriteCommands } from './commands.ts'
import { lock } from './durability/file.ts'
import type { CallResult } from './messages.ts'
import { storesOver } from './stores.ts'
import { type OnBatch, WorkerClient } from './worker-client.ts'

/**
 * Opens all stores in one SQLite file (WAL, every commit synced), owned by this process alone. One worker thread
 * writes, another reads, so neither blocks the event loop nor the other.
 * @throws {StoreRefused} when the file is in use, damaged, another program's or another version's
 */
export async function openSqlite(path: string, options: EngineOptions): Promise<DurableStores> {
  const { clock, answerTtlMs, maxReceives, onCommit } = options
  const unlock = lock(path)
  const setup = { mode: 'write', path, answerTtlMs, maxReceives } as const
  const writer = new WorkerClient<WriteCommands>(setup, clock, tellCommits(onCommit))
  const reader = new WorkerClient<ReadCommands>({ mode: 'read', path }, clock)
  try {
    await writer.open()
  } catch (error) {
    await Promise.all([writer.close(), reader.close()])
    unlock()
    throw error
  }
  let closed: Promise<void> | undefined
  // The writer goes last: closing the last connection, it brings the whole log into the database file.
  const close = async (): Promise<void> => {
    await reader.close()
    await writer.close()
    unlock()
  }
  return {
    ...storesOver(writer, reader),
    close: () => {
      closed ??= close()
      return closed
    },
  }
}

/** The calls that store a submission. */
const STORING = new Set<string>(['accept', 'add'] satisfies (keyof WriteCommands)[])

/** Tells of the submissions of each batch; what else travels in it is not counted. */
export function tellCommits(onCommit: OnCommit = () => {}): OnBatch {
  return (calls, results, seconds) => {
    let stored = 0
    calls.forEach(([command], index) => {
      if (STORING.has(command) && 'value' in (results[index] as CallResult)) stored++
    })
    if (stored > 0) onCommit(stored, seconds)
  }
}
