import type { Deadline } from '../kit/deadline.ts'
import type { StoredAnswer, Submission, Verdict } from '../stores/ports.ts'

/** A way of storing formulas and publishing their events all or nothing. */
export interface CommitStrategy {
  /**
   * Tries once, and takes back what a failed try has done as far as the stores allow.
   * @param attempt counts the tries of one submission, from 1
   * @throws {Error} when a store fails; `settle` tells what is left of it
   */
  attempt(submission: Submission, attempt: number, deadline: Deadline): Promise<Verdict>
  /**
   * Brings failed attempts to their end: no earlier call of theirs can take effect any more.
   * @returns the answer when one of them did take effect, or null when nothing of them is left
   * @throws {Error} when a store fails: the rollback is still owed
   */
  settle(submission: Submission, deadline: Deadline): Promise<StoredAnswer | null>
}
