import type { Unfinished } from './unfinished.ts'

/** Where a service that is killed keeps its data. */
export interface Place {
  /** What the service is told of it. */
  environment: Record<string, string>
  /** Whether all events come in the order of their formulas. */
  inOrder: boolean
  /** What a service that is dead has left unfinished. */
  unfinished(): Promise<Unfinished>
  /** Waits until something is written, though not for long. */
  nextWrite(): Promise<void>
  /** Waits until what a kill has left is brought to its end. @returns what is left, when it takes too long */
  settled(): Promise<string[]>
}
