import type { Submission, Verdict } from '../stores/ports.ts'
import type { Outcome } from './outcome.ts'

/** What one attempt to store a submission came to. */
export type Attempted = Verdict | { kind: 'failed' }

/** Shows submissions in the traces of those who send them. */
export interface Tracer {
  /**
   * InFlightSubmissions a submission as a part of the trace that its caller is in.
   * @param run is given the submission, which tells where it is seen in the trace
   */
  submission(submission: Submission, run: (traced: Submission) => Promise<Outcome>): Promise<Outcome>
  /** InFlightSubmissions an attempt as a part of the submission that makes it. */
  attempt(attempt: number, run: () => Promise<Attempted>): Promise<Attempted>
}

/** Where nothing is traced. */
export const UNTRACED: Tracer = {
  submission: (submission, run) => run(submission),
  attempt: (_, run) => run(),
}
