import { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../kit/clock.ts'
import type { EngineOptions, EventQueue, Intake, Stores } from '../ports.ts'
import { Batches } from './batches.ts'
import { readCommands, writeCommands } from './commands.ts'
import { storesOver } from './engine.ts'
import type { CallResult } from './messages.ts'
import { migrate } from './schema.ts'
import { Upkeep } from './upkeep/upkeep.ts'
import { outcomeOf } from './worker-client.ts'

/** The identity of every queue in memory: they hold nothing after a restart, so one can replace another. */
const STORE_ID = 'memory'

/** Opens stores in the memory of this process. Commands run synchronously, so each is atomic. */
export function openMemory({ clock, answerTtlMs, maxReceives }: EngineOptions): Stores & { intake: Intake } {
  const db = new DatabaseSync(':memory:')
  migrate(db, STORE_ID)
  const { chores, hasErased: _, ...written } = writeCommands(db, { answerTtlMs, maxReceives })
  const upkeep = new Upkeep(db, chores)
  const writer = new Batches(db, { ...written, begin: 'BEGIN IMMEDIATE' })
  const reader = new Batches(db, { commands: readCommands(db), begin: 'BEGIN' })
  const stores = storesOver(
    directCaller(writer, clock, () => upkeep.afterBatch()),
    directCaller(reader, clock, () => {}),
  )
  const close = async (): Promise<void> => {
    if (db.isOpen) db.close()
  }
  return { ...stores, close }
}

/** Opens a queue for a database in another engine. */
export function openMemoryQueue(options: Pick<EngineOptions, 'clock' | 'maxReceives'>): EventQueue {
  return openMemory({ answerTtlMs: 0, ...options }).queue
}

/** Runs each call at once, in a transaction of its own. */
function directCaller(batches: Batches, clock: Clock, afterCall: () => void) {
  const call = async (command: string, ...args: unknown[]): Promise<never> => {
    const [result] = batches.run([[command, clock.now(), args, Number.POSITIVE_INFINITY]])
    afterCall()
    const outcome = outcomeOf(result as CallResult)
    if (outcome instanceof Error) throw outcome
    return outcome as never
  }
  return { call, callBefore: (_notAfter: number, command: string, ...args: unknown[]) => call(command, ...args) }
}
