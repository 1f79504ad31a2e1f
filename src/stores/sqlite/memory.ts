import { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../kit/clock.ts'
import type { EngineOptions, EventQueue, Intake, Stores } from '../ports.ts'
import { Batches } from './batches.ts'
import { readCommands, writeCommands } from './commands.ts'
import type { Call } from './messages.ts'
import { migrate } from './schema.ts'
import { storesOver } from './stores.ts'
import { Upkeep } from './upkeep/upkeep.ts'
import { outcomeOf } from './worker-client.ts'

/** What every queue in memory is called: it holds nothing that another one could lack. */
const STORE_ID = 'memory'

/** Opens stores that live in this process and die with it. No method waits within its work, so each is atomic. */
export function openMemory({ clock, answerTtlMs, maxReceives }: EngineOptions): Stores & { intake: Intake } {
  const db = new DatabaseSync(':memory:')
  migrate(db, STORE_ID)
  const { chores, ...written } = writeCommands(db, { answerTtlMs, maxReceives })
  const upkeep = new Upkeep(db, chores)
  const writer = new Batches(db, { ...written, begin: 'BEGIN IMMEDIATE' })
  const reader = new Batches(db, { commands: readCommands(db), begin: 'BEGIN' })
  const stores = storesOver(
    caller(writer, clock, () => upkeep.afterBatch()),
    caller(reader, clock, () => {}),
  )
  const close = async (): Promise<void> => {
    if (db.isOpen) db.close()
  }
  return { ...stores, close }
}

/** Opens a queue alone, for a database that lies elsewhere. */
export function openMemoryQueue(options: Pick<EngineOptions, 'clock' | 'maxReceives'>): EventQueue {
  return openMemory({ answerTtlMs: 0, ...options }).queue
}

/** Runs each call at once, in a transaction of its own. */
function caller(batches: Batches, clock: Clock, afterCall: () => void) {
  const call = async (command: string, ...args: unknown[]): Promise<never> => {
    const call: Call = [command, clock.now(), args, Number.POSITIVE_INFINITY]
    const [result] = batches.run([call])
    afterCall()
    const outcome = outcomeOf(result as NonNullable<typeof result>)
    if (outcome instanceof Error) throw outcome
    return outcome as never
  }
  return { call, callBefore: (_notAfter: number, command: string, ...args: unknown[]) => call(command, ...args) }
}
