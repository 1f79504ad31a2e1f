/**
 * A formula on its way into a store. Stores never take the two texts apart, so what a formula consists of is no business
 * of theirs.
 */
export interface NewFormula {
  /** The fingerprint of its composition, which is its id: SHA-256 in lower-case hex. */
  id: string
  /** What it is found by when formulas are searched by name. */
  searchKey: string
  /** The stored formula as JSON: every answer that shows it holds just this text. */
  document: string
  /** What its event says beside id and time, as a JSON object. */
  eventBody: string
}

/** One POST: one or many formulas under one idempotency key. */
export interface Submission {
  /** Tells this run of the submission from any other, also of the same key. */
  id: string
  /** The stable name of whoever sent it; '' where callers are anonymous. */
  caller: string
  key: string
  /** SHA-256 over names, fingerprints, their order and `onDuplicate`, in lower-case hex: equal means "same payload". */
  payload: string
  onDuplicate: 'reject' | 'skip'
  /** Whether the body was one formula rather than a list. */
  single: boolean
  /** What its documents have as `createdAt`, in milliseconds since the epoch. */
  createdAt: number
  formulas: NewFormula[]
}

/** A formula of an answer, in the order of the list. */
export interface AnswerEntry {
  id: string
  outcome: 'added' | 'duplicate'
  /** The stored formula as JSON; null for a duplicate behind the first `ANSWER_BYTES` of documents, told by its id alone. */
  document: string | null
}

/** What a submission is answered with. The text is written from it for each request. */
export type Answer =
  | { status: 200; single: boolean; entries: AnswerEntry[] }
  /** Compositions that were known, by JSON pointers into the body. */
  | { status: 409; duplicates: { path: string; id: string }[] }
  /** It was a 200, and a formula of it has been erased since. */
  | { status: 410 }

/** What is held under an idempotency key. */
export interface KeyRecord {
  /** The submission that was answered so. */
  submissionId: string
  payload: string
  answer: Answer
}

/** Who holds a key or a composition that is wanted: a submission that runs, or one whose rollback is still owed. */
export type Holder = 'submission' | 'cleanup'

/** How a submission fared against what is stored; none of these is an error. */
export type Verdict =
  /** Answered now, or (`submissionId` differing) an earlier answer of the same key and payload. */
  | { kind: 'answered'; submissionId: string; answer: Answer }
  /** The key was used with another payload. */
  | { kind: 'reused' }
  /** The key or a composition is held by a submission that is not finished. */
  | { kind: 'busy'; wants: 'key' | 'composition'; holder: Holder }
  /** This submission was given up before; it can no longer be accepted. */
  | { kind: 'given-up' }

/** Accepts submissions in one transaction: claim, formulas, events and answer, where database and queue share an engine. */
export interface Intake {
  /**
   * Stores the formulas, publishes their events and keeps the answer, or decides why not. Calling it again with the
   * same submission, after an error of unknown outcome, never stores twice.
   * @param notAfter when a call that is still waiting has no effect any more, in ms since the epoch; never if absent
   * @throws {StoreUnavailable} the outcome is unknown
   */
  accept(submission: Submission, notAfter?: number): Promise<Verdict>
  /**
   * Makes sure that `accept` of this submission can take effect no more. What took effect before stays; find it by its
   * key.
   * @throws {StoreUnavailable}
   */
  giveUp(submissionId: string): Promise<void>
}

/** Keeps the answer of each finished submission under its caller and key until it expires, without a copy of a formula. */
export interface IdempotencyStore {
  /** @returns what is held under the key, unless it has expired */
  find(caller: string, key: string): Promise<KeyRecord | null>
  /** Removes up to `limit` expired keys. @returns how many it removed */
  sweep(limit: number): Promise<number>
}
