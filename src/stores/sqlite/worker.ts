import { parentPort, workerData } from 'node:worker_threads'
import { StoreRefused } from '../../errors/store-errors.ts'
import { Batches } from './batches.ts'
import { readCommands, writeCommands } from './commands.ts'
import { checkpoints, logEraser } from './durability/checkpoints.ts'
import { openForReading, openForWriting } from './durability/file.ts'
import type { Call, CallResult, WorkerMessage, WorkerSetup } from './messages.ts'
import { Upkeep } from './upkeep/upkeep.ts'

const port = parentPort as NonNullable<typeof parentPort>
const post = (message: WorkerMessage, transferred: ArrayBuffer[] = []): void => port.postMessage(message, transferred)

function openReader(path: string) {
  const db = openForReading(path)
  const batches = new Batches(db, { commands: readCommands(db), begin: 'BEGIN' })
  return { db, batches, beforeAnswer: () => {}, afterBatch: () => {} }
}

function openWriter(setup: WorkerSetup & { mode: 'write' }) {
  const db = openForWriting(setup.path)
  const { chores, hasErased, ...commands } = writeCommands(db, setup)
  const [upkeep, checkpoint, eraseLog] = [new Upkeep(db, chores), checkpoints(db), logEraser(db)]
  upkeep.watch()
  const afterBatch = (): void => {
    upkeep.afterBatch()
    checkpoint()
  }
  const batches = new Batches(db, { ...commands, begin: 'BEGIN IMMEDIATE' })
  return { db, batches, beforeAnswer: () => eraseLog(hasErased()), afterBatch }
}

/** The buffers of formula pages, which are transferred to the other thread instead of copied. */
const pagesIn = (results: CallResult[]): ArrayBuffer[] =>
  results.flatMap((result) => {
    const { formulas } = 'value' in result ? ((result.value ?? {}) as { formulas?: unknown }) : {}
    return formulas instanceof Uint8Array ? [formulas.buffer as ArrayBuffer] : []
  })

try {
  const setup: WorkerSetup = workerData
  const { db, batches, beforeAnswer, afterBatch } = setup.mode === 'read' ? openReader(setup.path) : openWriter(setup)
  port.on('message', (message: Call[] | 'close') => {
    if (message === 'close') {
      db.close()
      port.close()
      return
    }
    const began = performance.now()
    const results = batches.run(message)
    beforeAnswer()
    const transferred = setup.mode === 'read' ? pagesIn(results) : []
    post({ results, seconds: (performance.now() - began) / 1000 }, transferred)
    // After the results are sent, so that nobody waits for it.
    afterBatch()
  })
  post({ opened: true })
} catch (error) {
  if (!(error instanceof StoreRefused)) throw error
  post({ refused: error.message })
}
