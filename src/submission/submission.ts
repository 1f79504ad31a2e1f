import { hash } from 'node:crypto'
import { type Formula, payloadOf, writeDocument, writeEventBody } from '../formula/formula.ts'
import { searchKey } from '../formula/identity.ts'
import { isoTime } from '../kit/clock.ts'
import type { Answer, Submission, Verdict } from '../stores/ports.ts'

/** A validated POST. */
export interface SubmissionRequest {
  /** The stable name of the caller; '' when API keys are not in use. */
  caller: string
  key: string
  onDuplicate: 'reject' | 'skip'
  /** Whether the body was one formula rather than a list. */
  single: boolean
  formulas: Formula[]
  /** The id of the formula that they are derived from. */
  derivedFrom?: string
  /** What makes two requests the same payload, if not their formulas. */
  payload?: unknown
  /** Why there are no formulas. It counts only when the key is free. */
  refusal?: Error
  /** For log lines. */
  requestId?: string | undefined
}

/** A submission with the id of its request, for log lines. */
export type LoggedSubmission = Submission & Pick<SubmissionRequest, 'requestId'>

/** The outcome of a submission. `routes/formulas/answer.ts` chooses the status from it. */
export type Outcome =
  /** `replayed`: the answer of an earlier submission with the same key and payload. `submissionId` is its id, if known. */
  | { kind: 'answered'; submissionId?: string; answer: Answer; replayed: boolean }
  /** The key was used with another payload. */
  | { kind: 'reused' }
  /** A submission with the same key was still running when the wait ended. */
  | { kind: 'in-use' }
  /** Not stored after the last attempt. */
  | { kind: 'failed' }
  /** The service is closing; nothing was stored. */
  | { kind: 'stopping' }

export type AttemptResult = Verdict | { kind: 'failed' }

/**
 * Two payloads are the same if names, compositions, order and `onDuplicate` are the same; the bytes may differ.
 * @returns 128 bits of SHA-256 in lower-case hex
 */
export function payloadHash(request: Pick<SubmissionRequest, 'onDuplicate' | 'formulas' | 'payload'>): string {
  const { onDuplicate, formulas, payload = [onDuplicate, formulas.map(payloadOf)] } = request
  return hash('sha256', JSON.stringify(payload), 'hex').slice(0, 32)
}

/** What the orchestrator adds to a request. */
interface SubmissionFields {
  id: string
  payload: string
  /** In milliseconds since the epoch. */
  createdAt: number
  /** The span of the submission (W3C Trace Context); absent when it is not traced. */
  traceparent: string | undefined
}

/** Writes the documents and event bodies of a request. From here on these texts are stored and sent unchanged. */
export function toSubmission(request: SubmissionRequest, fields: SubmissionFields): LoggedSubmission {
  const { caller, key, onDuplicate, single, derivedFrom, requestId } = request
  const { id, payload, createdAt, traceparent } = fields
  const acceptance = { createdAt: isoTime(createdAt), submittedBy: caller, derivedFrom }
  const formulas = request.formulas.map((formula) => ({
    id: formula.id,
    searchKey: searchKey(formula.name),
    document: writeDocument(formula, acceptance),
    eventBody: writeEventBody(formula, traceparent),
  }))
  return { caller, key, onDuplicate, single, requestId, id, payload, createdAt, formulas }
}

/** Identifies a submission in log lines. */
export const logFields = ({ id, requestId }: { id: string; requestId?: string | undefined }): object =>
  requestId === undefined ? { submission: id } : { submission: id, reqId: requestId }

/** An idempotency key together with its caller: different callers may use the same key. */
export const scopedKeyOf = ({ caller, key }: { caller: string; key: string }): string => `${caller}\0${key}`
