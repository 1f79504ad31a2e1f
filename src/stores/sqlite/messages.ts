import type { WriteOptions } from './commands.ts'

/** How a worker is started. */
export type WorkerSetup = { mode: 'read'; path: string } | ({ mode: 'write'; path: string } & WriteOptions)

/**
 * One call: the command's name, the time of the call by the service's clock, its arguments, and the system time after
 * which it is not begun any more.
 */
export type Call = [command: string, now: number, args: unknown[], startBy: number]

export type CallResult = { value: unknown } | { error: string } | { unknownSubscription: string }

/** What a worker tells its owner: first that it is open or why not, then the results of each batch and how long it took. */
export type WorkerMessage =
  | { opened: true }
  | { refused: string }
  | { batch: number; results: CallResult[]; seconds: number }
