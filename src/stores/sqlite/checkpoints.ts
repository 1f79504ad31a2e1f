import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../clock.ts'
import { Remote } from './remote.ts'

/** Pages in the log, and how many of them the database file has as well. */
export interface LogState {
  log: number
  checkpointed: number
}

/** From so many pages on, 4 MiB, the log is brought into the database file. */
const WORTH_IT = 1_024
/** A log of so many pages, 16 MiB, is to begin anew. */
const LONG = 4_096
/** The writer does the last bit itself; no more than so many pages, or others would wait. */
const LAST_BIT = 512
/** A log of so many pages, 256 MiB, is not let grow: the writer does all of it. */
const TOO_LONG = 65_536
/** How often one round is repeated at most, each leaving less. */
const MOST_PASSES = 4

/**
 * Brings the log into the database file beside the writer, in a thread of its own: within a commit, everybody would wait
 * for it.
 */
export class Checkpoints {
  readonly #remote: Remote<CheckpointCommands>
  #running = false

  constructor(path: string, clock: Clock) {
    this.#remote = new Remote<CheckpointCommands>({ mode: 'checkpoint', path }, clock)
  }

  /** @param pages that the log holds and the database file lacks */
  consider(pages: number): void {
    if (this.#running || pages < WORTH_IT) return
    this.#running = true
    // What fails is tried again when it is considered next.
    this.#run()
      .catch(() => {})
      .finally(() => {
        this.#running = false
      })
  }

  async #run(): Promise<void> {
    for (let pass = 0; pass < MOST_PASSES; pass++) {
      const { log, checkpointed } = await this.#remote.call('checkpoint')
      if (log < LONG || log - checkpointed < LAST_BIT / 4) return
    }
  }

  close(): Promise<void> {
    return this.#remote.close()
  }
}

const state = (db: DatabaseSync, mode: 'NOOP' | 'PASSIVE') => {
  const statement = db.prepare(`PRAGMA wal_checkpoint(${mode})`)
  return (): LogState => {
    const { log, checkpointed } = statement.get() as unknown as LogState
    return { log, checkpointed }
  }
}

/** What the checkpointing worker does. */
export function checkpointCommands(db: DatabaseSync) {
  const [look, checkpoint] = [state(db, 'NOOP'), state(db, 'PASSIVE')]
  return {
    checkpoint: (): LogState => {
      checkpoint()
      return look()
    },
  }
}

type CheckpointCommands = ReturnType<typeof checkpointCommands>

/**
 * The writer's part, between batches. SQLite begins a log anew only when the database has all of it, which a writer that
 * never stops would never see: it has to do the last bit.
 * @returns the state of the log
 */
export function lastBit(db: DatabaseSync): () => LogState {
  const [look, checkpoint] = [state(db, 'NOOP'), state(db, 'PASSIVE')]
  return () => {
    const seen = look()
    const left = seen.log - seen.checkpointed
    const due = (seen.log >= LONG && left <= LAST_BIT) || seen.log >= TOO_LONG
    if (left === 0 || !due) return seen
    try {
      checkpoint()
    } catch {
      // It can wait: who cannot is told what is wrong with the disk.
    }
    return look()
  }
}
