import type { FormulaEvent } from './event-queue.ts'
import type { Answer, Submission, Verdict } from './submission.ts'

/** A formula that is on disk. */
export interface StoredFormula {
  id: string
  /** Its place in the order of acceptance, from 1; never given twice. */
  seq: number
  /** The JSON text that was accepted. */
  document: string
}

/** One page of a list, newest first. One of formulas ends early at `PAGE_BYTES`, and a search may end one short or empty. */
export interface Page<T> {
  items: T[]
  /** Where the next page begins; null on the last. */
  next: number | null
}

export interface FormulaQuery {
  /** 1–200. */
  limit: number
  /** Where the page begins, as `Page.next` gave it. */
  before?: number
  /** Only formulas whose search key begins so; all when absent or ''. */
  searchPrefix?: string
}

/** What the first step of a saga came to. */
export type AddVerdict =
  | Verdict
  /** The intent and the pending formulas are durable; these events are to be published. */
  | { kind: 'added'; events: FormulaEvent[] }

/** Where a saga's decision stands, as the database has it. */
export type Decision =
  /** The events have the sequence numbers of their formulas now. */
  | { kind: 'completed'; answer: Answer; events: FormulaEvent[] }
  /** The attempt is being rolled back, or has left no trace. */
  | { kind: 'abandoned' }

/** Holds formulas, and the intents of sagas whose events live in another queue. */
export interface FormulaDb {
  /** @returns the formula with this fingerprint; null when there is none, or it is still pending */
  get(id: string): Promise<StoredFormula | null>
  /** Newest first, in order of acceptance. Pending formulas are not shown. */
  list(query: FormulaQuery): Promise<Page<StoredFormula>>
  /**
   * Erases a formula, unless one of another sequence number has its fingerprint now. Answers that show it are 410 from
   * then on. Erasing what is not there is no error.
   * @returns whether it was there
   */
  erase(id: string, seq: number): Promise<boolean>
  /**
   * Saga, step 1: decides the submission against what is stored; when it can be accepted, keeps a durable intent with
   * its answer, and its new formulas as pending, claiming key and compositions in one step.
   * @param attemptId names this attempt in the calls that follow; an attempt that was abandoned stays refused
   */
  add(attemptId: string, submission: Submission): Promise<AddVerdict>
  /** Saga, step 3, the commit point: pending formulas become visible and the answer is kept. Repeating it is no error. */
  complete(attemptId: string): Promise<Decision>
  /**
   * Decides durably that the attempt will be rolled back, unless it is already complete. Repeating it is no error, nor
   * is abandoning what was never added.
   */
  abandon(attemptId: string, reason: string): Promise<Decision>
  /** Removes the pending formulas and the intent of an abandoned attempt. Removing what is not there is no error. */
  remove(attemptId: string): Promise<void>
  /** Forgets the intent of a completed attempt whose events are released. */
  finish(attemptId: string): Promise<void>
  /** @throws {StoreUnavailable} when the database does not answer, or cannot be written */
  probe(): Promise<void>
}
