import type { FormulaFilter } from '../../formula/filter.ts'
import type { OpenAttempt } from './cleanup-queue.ts'
import type { FormulaEvent } from './event-queue.ts'
import type { Answer, Submission, Verdict } from './submission.ts'

export interface StoredFormula {
  id: string
  /** Its place in the order of acceptance, from 1; never given twice. */
  seq: number
  /** The JSON text that was accepted: see `NewFormula`. */
  document: string
}

/** One page of a list, newest first. */
export interface Page<T> {
  items: T[]
  /** Where the next page begins; null on the last. */
  next: number | null
}

/** One page of formulas, newest first. */
export interface FormulaPage {
  /** Their JSON as answers show it, separated by commas, in UTF-8: as objects they would be copied several times. */
  formulas: Uint8Array
  /** Where the next page begins; null on the last. */
  next: number | null
}

export interface FormulaQuery {
  /** 1–200. */
  limit: number
  /** Where the page begins: the `next` of the page before. */
  before?: number
  /** The prefix of the search key; all formulas when absent or empty. */
  searchPrefix?: string
  /** What else is asked for of documents. */
  filter?: FormulaFilter
}

/** The outcome of the first step of a saga. */
export type AddVerdict =
  | Verdict
  /** The intent and the pending formulas are durable; these events are to be published. */
  | { kind: 'added'; events: FormulaEvent[] }

/** What the database has decided about a saga's attempt. */
export type Decision =
  /** The events have the sequence numbers of their formulas now. */
  | { kind: 'completed'; answer: Answer; events: FormulaEvent[] }
  /** The attempt is being rolled back, or has left no trace. */
  | { kind: 'abandoned' }

/**
 * Holds formulas and, if the queue is another store, intents: durable records of unfinished sagas.
 *
 * All methods throw {StoreUnavailable}: whether a write took effect is then unknown.
 */
export interface FormulaDb {
  /** @returns the formula with this fingerprint; null when there is none or it is pending */
  get(id: string): Promise<StoredFormula | null>
  /**
   * The formulas with these fingerprints, in their order; null for one that does not exist. Ends early at `PAGE_BYTES`, but
   * has at least one entry.
   */
  getPage(ids: string[]): Promise<(StoredFormula | null)[]>
  /**
   * Lists formulas, newest first in order of acceptance, without pending ones. A page also ends at `PAGE_BYTES`; one of a
   * search may be short or empty, and one with a filter ends after `FILTER_MS`.
   */
  list(query: FormulaQuery): Promise<FormulaPage>
  /**
   * Erasure, step 1, where the queue is another store: erases the formula and stores a durable intent, which claims its
   * composition until `finish`. Answers that show it become 410.
   * @param erasureId identifies this erasure in later calls
   * @returns the erasure, or the one that is already owed for this fingerprint; null when there is neither
   */
  erase(erasureId: string, id: string): Promise<OpenAttempt | null>
  /**
   * A number that every erasure changes, at the latest when `erase` returns: as long as it is the same, no answer has
   * become 410.
   */
  erasures(): Promise<number>
  /**
   * Saga, step 1: decides the submission. If it can be accepted, stores a durable intent with its answer and its new
   * formulas as pending, which claims its key and compositions in one step.
   * @param attemptId identifies this attempt in later calls; an abandoned attempt stays refused
   */
  add(attemptId: string, submission: Submission): Promise<AddVerdict>
  /** Saga, step 3, the commit point: makes the pending formulas visible and keeps the answer. Idempotent. */
  complete(attemptId: string): Promise<Decision>
  /** Decides durably to roll the attempt back unless it is complete, even if it was never added. Idempotent. */
  abandon(attemptId: string, reason: string): Promise<Decision>
  /** Removes the pending formulas and the intent of an abandoned attempt, if any. */
  remove(attemptId: string): Promise<void>
  /** Removes the intent of a completed attempt whose events are released, or of an erasure whose event is erased. */
  finish(attemptId: string): Promise<void>
  /** @throws {StoreUnavailable} when the database does not answer or cannot be written */
  probe(): Promise<void>
}
