/** Told of what happens to submissions, to be counted. */
export interface SubmissionObserver {
  /** Formulas were stored and their events published. */
  added(formulas: number): void
  /** An attempt begins because one before it failed. */
  retried(): void
  /** What failed attempts left was taken back, or (`interrupted`) could not be yet, so that a cleanup is owed. */
  rolledBack(result: 'done' | 'interrupted'): void
}

/** Where nobody counts. */
export const unobserved: SubmissionObserver = { added() {}, retried() {}, rolledBack() {} }
