import type { DatabaseSync } from 'node:sqlite'
import { UnknownSubscription } from '../../errors/store-errors.ts'
import { reasonOf } from '../../kit/reason.ts'
import type { Call, CallResult } from './messages.ts'

type Command = (now: number, ...args: never[]) => unknown

interface BatchOptions {
  commands: Record<string, Command>
  begin: 'BEGIN' | 'BEGIN IMMEDIATE'
  /** Writes state that the commands changed in memory, before the commit. */
  flush?: () => void
  /** Drops that state, after a rollback. */
  reload?: () => void
}

/** Group commit: runs the calls of a batch in one transaction, with one sync to disk. */
export class Batches {
  readonly #db: DatabaseSync
  readonly #options: BatchOptions

  constructor(db: DatabaseSync, options: BatchOptions) {
    this.#db = db
    this.#options = options
  }

  /**
   * When a call fails, each call is rerun in a transaction of its own, so that it fails alone. When the commit itself
   * fails and may have taken effect, none is rerun, because it could take effect twice.
   * @throws {Error} when a rollback fails: the connection is unusable then
   */
  run(calls: Call[]): CallResult[] {
    const refused = this.#begin(calls)
    if (refused !== null) return calls.map(() => refused)
    let committing = false
    try {
      const results = calls.map((call) => this.#execute(call))
      this.#options.flush?.()
      committing = true
      this.#db.exec('COMMIT')
      return results
    } catch (error) {
      const inDoubt = committing && !this.#db.isTransaction
      this.#rollBack()
      if (inDoubt || calls.length === 1) return calls.map(() => ({ error: reasonOf(error) }))
      return calls.flatMap((call) => this.run([call]))
    }
  }

  /** @returns why there is no transaction: all calls are late, or another program has locked the file */
  #begin(calls: Call[]): { error: string } | null {
    if (calls.every(isLate)) return TOO_LATE
    try {
      this.#db.exec(this.#options.begin)
      return null
    } catch (error) {
      this.#rollBack()
      return { error: reasonOf(error) }
    }
  }

  #rollBack(): void {
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
    this.#options.reload?.()
  }

  #execute(call: Call): CallResult {
    if (isLate(call)) return TOO_LATE
    const [command, now, args] = call
    try {
      return { value: (this.#options.commands[command] as Command)(now, ...(args as never[])) }
    } catch (error) {
      // Thrown before the command changed anything, so the batch can go on.
      if (error instanceof UnknownSubscription) return { unknownSubscription: error.subscription }
      throw error
    }
  }
}

const TOO_LATE = { error: 'The call waited too long for the store' }

const isLate = ([, , , startBy]: Call): boolean => Date.now() > startBy
