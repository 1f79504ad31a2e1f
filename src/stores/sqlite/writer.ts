import type { Clock } from '../../clock.ts'
import { Checkpoints } from './checkpoints.ts'
import type { WriteCommands, WriteOptions } from './commands.ts'
import { Remote } from './remote.ts'

/** The one that writes to a database file, and what keeps its log short. */
export class Writer {
  readonly #remote: Remote<WriteCommands>
  readonly #checkpoints: Checkpoints

  constructor(path: string, options: WriteOptions, clock: Clock) {
    this.#checkpoints = new Checkpoints(path, clock)
    this.#remote = new Remote<WriteCommands>({ mode: 'write', path, ...options }, clock, ({ log }) =>
      this.#checkpoints.consider(log),
    )
  }

  /** @throws {StoreRefused} when the file must not be opened */
  open(): Promise<void> {
    return this.#remote.open()
  }

  readonly call: Remote<WriteCommands>['call'] = (command, ...args) => this.#remote.call(command, ...args)

  readonly callBefore: Remote<WriteCommands>['callBefore'] = (notAfter, command, ...args) =>
    this.#remote.callBefore(notAfter, command, ...args)

  async close(): Promise<void> {
    await this.#checkpoints.close()
    await this.#remote.close()
  }
}
