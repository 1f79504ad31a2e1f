import type { DatabaseSync } from 'node:sqlite'
import { reasonOf } from '../../errors/reason.ts'
import type { Call, CallResult } from './messages.ts'

type Command = (now: number, ...args: never[]) => unknown

export interface BatchOptions {
  commands: Record<string, Command>
  begin: 'BEGIN' | 'BEGIN IMMEDIATE'
  /** Writes what the commands counted in memory, before the commit. */
  flush?: () => void
  /** Forgets what they counted, after a rollback. */
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

  /** One member's failure is its own: then each call is run again in a transaction of its own. */
  run(calls: Call[]): CallResult[] {
    const { begin, flush, reload } = this.#options
    try {
      this.#db.exec(begin)
    } catch (error) {
      return calls.map(() => ({ error: reasonOf(error) }))
    }
    try {
      const results = calls.map((call) => this.#execute(call))
      flush?.()
      this.#db.exec('COMMIT')
      return results
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      reload?.()
      return calls.length === 1 ? [{ error: reasonOf(error) }] : calls.flatMap((call) => this.run([call]))
    }
  }

  #execute([command, now, args, startBy]: Call): CallResult {
    if (Date.now() > startBy) return { error: 'The call waited too long for the store' }
    return { value: (this.#options.commands[command] as Command)(now, ...(args as never[])) }
  }
}
