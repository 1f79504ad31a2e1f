import type { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { StoreRefused } from '../../errors/store-errors.ts'
import { Batches } from './batches.ts'
import { readCommands, writeCommands } from './commands.ts'
import { checkpoints } from './durability/checkpoints.ts'
import { openForReading, openForWriting } from './durability/file.ts'
import type { Call, WorkerMessage, WorkerSetup } from './messages.ts'
import { Upkeep } from './upkeep/upkeep.ts'

interface Work {
  db: DatabaseSync
  batches: Batches
  /** What is done when the results of a batch are on their way. */
  afterBatch(): void
}

const port = parentPort as NonNullable<typeof parentPort>

function begin(setup: WorkerSetup): Work {
  if (setup.mode === 'read') {
    const db = openForReading(setup.path)
    return { db, batches: new Batches(db, { commands: readCommands(db), begin: 'BEGIN' }), afterBatch: () => {} }
  }
  const db = openForWriting(setup.path)
  const { chores, ...commands } = writeCommands(db, setup)
  const [upkeep, checkpoint] = [new Upkeep(db, chores), checkpoints(db)]
  upkeep.watch()
  const afterBatch = (): void => {
    upkeep.afterBatch()
    checkpoint()
  }
  return { db, batches: new Batches(db, { ...commands, begin: 'BEGIN IMMEDIATE' }), afterBatch }
}

try {
  const { db, batches, afterBatch } = begin(workerData as WorkerSetup)
  port.on('message', (message: { batch: number; calls: Call[] } | 'close') => {
    if (message === 'close') {
      db.close()
      port.close()
    } else {
      const began = performance.now()
      const results = batches.run(message.calls)
      const seconds = (performance.now() - began) / 1000
      port.postMessage({ batch: message.batch, results, seconds } satisfies WorkerMessage)
      afterBatch()
    }
  })
  port.postMessage({ opened: true } satisfies WorkerMessage)
} catch (error) {
  if (!(error instanceof StoreRefused)) throw error
  port.postMessage({ refused: error.message } satisfies WorkerMessage)
}
