import type { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { StoreRefused } from '../../errors/store-errors.ts'
import { Batches } from './batches.ts'
import { checkpointCommands, lastBit } from './checkpoints.ts'
import { readCommands, writeCommands } from './commands.ts'
import { openForCheckpoints, openForReading, openForWriting } from './file.ts'
import type { Call, WorkerMessage, WorkerSetup } from './messages.ts'
import { Upkeep } from './upkeep.ts'

interface Work {
  db: DatabaseSync
  batches: Batches
  /** What is done when the results of a batch are on their way. @returns pages of the log that are to be checkpointed */
  afterBatch(): number
}

const port = parentPort as NonNullable<typeof parentPort>

function begin(setup: WorkerSetup): Work {
  if (setup.mode === 'write') return beginWriting(setup)
  const db = setup.mode === 'read' ? openForReading(setup.path) : openForCheckpoints(setup.path)
  const batches =
    setup.mode === 'read'
      ? new Batches(db, { commands: readCommands(db), begin: 'BEGIN' })
      : new Batches(db, { commands: checkpointCommands(db), begin: null })
  return { db, batches, afterBatch: () => 0 }
}

function beginWriting(setup: Extract<WorkerSetup, { mode: 'write' }>): Work {
  const db = openForWriting(setup.path)
  const { chores, ...commands } = writeCommands(db, setup)
  const batches = new Batches(db, { ...commands, begin: 'BEGIN IMMEDIATE' })
  const [upkeep, checkpointLastBit] = [new Upkeep(db, chores), lastBit(db)]
  const afterBatch = (): number => {
    upkeep.afterBatch()
    const { log, checkpointed } = checkpointLastBit()
    return log - checkpointed
  }
  return { db, batches, afterBatch }
}

try {
  const { db, batches, afterBatch } = begin(workerData as WorkerSetup)
  let log = 0
  port.on('message', (message: { batch: number; calls: Call[] } | 'close') => {
    if (message === 'close') {
      db.close()
      port.close()
    } else {
      port.postMessage({ batch: message.batch, results: batches.run(message.calls), log } satisfies WorkerMessage)
      log = afterBatch()
    }
  })
  port.postMessage({ opened: true } satisfies WorkerMessage)
} catch (error) {
  if (!(error instanceof StoreRefused)) throw error
  port.postMessage({ refused: error.message } satisfies WorkerMessage)
}
