import type { Clock } from '../../src/kit/clock.ts'
import { BatchScheduler } from '../../src/stores/batch-scheduler.ts'
import type { Timer } from '../../src/stores/page.ts'
import type { DurableStores, EngineOptions } from '../../src/stores/ports.ts'
import { Batches } from '../../src/stores/sqlite/batches.ts'
import { readCommands, writeCommands } from '../../src/stores/sqlite/commands.ts'
import { checkpoints } from '../../src/stores/sqlite/durability/checkpoints.ts'
import { openForReading, openForWriting } from '../../src/stores/sqlite/durability/file.ts'
import { storesOver } from '../../src/stores/sqlite/engine.ts'
import type { Call, CallResult } from '../../src/stores/sqlite/messages.ts'
import { Upkeep } from '../../src/stores/sqlite/upkeep/upkeep.ts'
import { outcomeOf } from '../../src/stores/sqlite/worker-client.ts'

/**
 * Opens the stores of a SQLite file with both connections in this thread. To start the two workers of the engine takes a
 * quarter of a second of processor time, more than nearly every test of a store. Calls are batched and copied as if they
 * went to a worker.
 */
export function openInProcess(path: string, options: EngineOptions, timer?: Timer): DurableStores {
  const writing = openForWriting(path)
  const reading = openForReading(path)
  const { chores, ...commands } = writeCommands(writing, options)
  const [upkeep, checkpoint] = [new Upkeep(writing, chores), checkpoints(writing)]
  const writer = caller(new Batches(writing, { ...commands, begin: 'BEGIN IMMEDIATE' }), options.clock, () => {
    upkeep.afterBatch()
    checkpoint()
  })
  const reader = caller(new Batches(reading, { commands: readCommands(reading, timer), begin: 'BEGIN' }), options.clock)
  return {
    ...storesOver(writer, reader),
    async close() {
      reading.close()
      writing.close()
    },
  }
}

function caller(batches: Batches, clock: Clock, afterBatch = (): void => {}) {
  const scheduler = new BatchScheduler<Call, unknown>({
    async run(calls) {
      const results: CallResult[] = structuredClone(batches.run(structuredClone(calls)))
      afterBatch()
      return results.map(outcomeOf)
    },
  })
  const call = (command: string, ...args: unknown[]): Promise<never> =>
    scheduler.add([command, clock.now(), args, Number.POSITIVE_INFINITY]) as Promise<never>
  return { call, callBefore: (_notAfter: number, command: string, ...args: unknown[]) => call(command, ...args) }
}
