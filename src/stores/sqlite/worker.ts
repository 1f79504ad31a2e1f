import { parentPort, workerData } from 'node:worker_threads'
import { StoreRefused } from '../../errors/store-errors.ts'
import { Batches } from './batches.ts'
import { readCommands, writeCommands } from './commands.ts'
import { openForReading, openForWriting } from './file.ts'
import type { Call, WorkerMessage, WorkerSetup } from './messages.ts'

const port = parentPort as NonNullable<typeof parentPort>
const setup = workerData as WorkerSetup

try {
  const db = setup.mode === 'read' ? openForReading(setup.path) : openForWriting(setup.path)
  const batches =
    setup.mode === 'read'
      ? new Batches(db, { commands: readCommands(db), begin: 'BEGIN' })
      : new Batches(db, { ...writeCommands(db, setup), begin: 'BEGIN IMMEDIATE' })
  port.on('message', (message: { batch: number; calls: Call[] } | 'close') => {
    if (message === 'close') {
      db.close()
      port.close()
    } else {
      port.postMessage({ batch: message.batch, results: batches.run(message.calls) } satisfies WorkerMessage)
    }
  })
  port.postMessage({ opened: true } satisfies WorkerMessage)
} catch (error) {
  if (!(error instanceof StoreRefused)) throw error
  port.postMessage({ refused: error.message } satisfies WorkerMessage)
}
