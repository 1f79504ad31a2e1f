/** A formula to store. Stores never parse its texts, so a new field on a formula does not concern them. */
export interface NewFormula {
  /** The fingerprint of its composition: SHA-256 in lower-case hex. */
  id: string
  /** See `searchKey` in formula/identity.ts. */
  searchKey: string
  /** The fields of the stored formula besides its id, as a JSON object, which every answer shows unchanged. */
  document: string
  /** The fields of its event besides id and time, as a JSON object. */
  eventBody: string
}

/** One POST: one or many formulas under one idempotency key. */
export interface Submission {
  /** A UUID, unique per request, also among requests with the same key. */
  id: string
  /** The stable name of the caller; '' for anonymous callers. */
  caller: string
  key: string
  /**
   * 128 bits of SHA-256 over names, fingerprints, their order and `onDuplicate`, in lower-case hex: equal means "same
   * payload".
   */
  payload: string
  onDuplicate: 'reject' | 'skip'
  /** Whether the body was one formula rather than a list. */
  single: boolean
  /** The `createdAt` of its documents, in milliseconds since the epoch. */
  createdAt: number
  formulas: NewFormula[]
}

/** A formula of an answer, in the order of the list. */
export interface AnswerEntry {
  id: string
  outcome: 'added' | 'duplicate'
  /**
   * The document of the stored formula; null for a duplicate after the first `ANSWER_BYTES` of documents: only its id is
   * shown.
   */
  document: string | null
}

/** The answer to a submission. Its text is written anew for each request. */
export type Answer =
  | { status: 200; single: boolean; entries: AnswerEntry[] }
  /** Known compositions, by JSON pointers into the body. */
  | { status: 409; duplicates: { path: string; id: string }[] }
  /** It was a 200, and one of its formulas has been erased since. */
  | { status: 410 }

/** What is stored under an idempotency key. */
export interface KeyRecord {
  /** The submission that got the answer. */
  submissionId: string
  payload: string
  answer: Answer
}

/** How the submission under an idempotency key stands. Times are in milliseconds since the epoch. */
export interface SubmissionStatus {
  submittedAt: number
  /** The status that was answered; absent while the submission is unfinished. */
  status?: 200 | 409
  /** The ids of the formulas of a 200, in the order of the list, erased ones included. */
  formulaIds?: string[]
}

/** Who holds a key or a composition: a running submission, or a failed one that is not rolled back yet. */
export type Holder = 'submission' | 'cleanup'

/** The business outcome of a submission. */
export type Verdict =
  /** Answered now or, if `submissionId` differs, the earlier answer of the same key and payload. */
  | { kind: 'answered'; submissionId: string; answer: Answer }
  /** The key was used with another payload. */
  | { kind: 'reused' }
  /** `holder` still holds the key or a composition that this submission wants. */
  | { kind: 'busy'; wants: 'key' | 'composition'; holder: Holder }
  /** This submission was given up and can no longer be accepted. */
  | { kind: 'given-up' }

/**
 * Accepts submissions in one transaction (claim, formulas, events, answer) where database and queue share an engine.
 */
export interface Intake {
  /**
   * Stores the formulas, publishes their events and keeps the answer, or decides why not. After an error it can be
   * called again with the same submission, which is never stored twice.
   * @param notAfter ms since the epoch: a call still waiting then has no effect; no limit when absent
   * @throws {StoreUnavailable} the outcome is unknown
   */
  accept(submission: Submission, notAfter?: number): Promise<Verdict>
  /**
   * Ensures that `accept` of this submission can no longer take effect. An earlier effect stays: find it by its key.
   * @throws {StoreUnavailable}
   */
  giveUp(submissionId: string): Promise<void>
  /**
   * Erases a formula and its event. Answers that show it become 410.
   * @returns false when there is no such formula
   * @throws {StoreUnavailable} the outcome is unknown
   */
  erase(id: string): Promise<boolean>
}

/**
 * Keeps the answer of each finished submission under its caller and key until it expires. All methods throw
 * {StoreUnavailable}.
 */
export interface IdempotencyStore {
  /** @returns the record of the key; null when there is none or it has expired */
  find(caller: string, key: string): Promise<KeyRecord | null>
  /**
   * How the submission of the key stands: a saga from its first step on, any other once it is answered. Reads no documents.
   * @returns null when there is none, or its answer has expired
   */
  status(caller: string, key: string): Promise<SubmissionStatus | null>
  /** Removes up to `limit` expired keys. @returns how many */
  sweep(limit: number): Promise<number>
}
