import type { Formula } from '../formula/formula.ts'
import type { StoredAnswer } from '../stores/ports.ts'

/** A checked POST, before it has been tried. */
export interface SubmissionRequest {
  /** The stable name of whoever sent it; '' where callers are anonymous. */
  caller: string
  key: string
  onDuplicate: 'reject' | 'skip'
  /** Whether the body was one formula rather than a list. */
  single: boolean
  formulas: Formula[]
  /** Names the request in what is logged of the submission. */
  requestId?: string
}

/** What became of a submission; the status code is chosen from it in one place. */
export type Outcome =
  /**
   * Answered: 200 or 409, now or (`replayed`) by an earlier submission of the same key and payload; `submissionId` names
   * the one that was answered, where that is known.
   */
  | { kind: 'answered'; submissionId?: string; answer: StoredAnswer; replayed: boolean }
  /** The key was used with another payload. */
  | { kind: 'reused' }
  /** The same submission is still running after the longest wait. */
  | { kind: 'in-use' }
  /** Not stored after the last try. */
  | { kind: 'failed' }
  /** The service is closing; nothing was stored. */
  | { kind: 'stopping' }
