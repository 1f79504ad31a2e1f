// Written by `npm run openapi` from docs/openapi.json.

/** One formula or a list */
export type SubmitBody = SubmittedFormula | SubmittedFormula[]

/** What to change */
export interface DeriveBody {
  /** The name of the new formula. 1 to 200 characters after trimming, at least one of them visible and none a control character */
  name: string
  /** Applied in order. May be left out only with `scale` */
  changes?: Change[]
  scale?: Concentration
  metadata?: Metadata
}

/** The formulas, added or (with onDuplicate=skip) already known */
export interface SubmitAnswer {
  message: string
  /** In the order of the list */
  formulas: (SubmissionEntry | FormulaReference)[]
}

/** The submission under a key */
export interface SubmissionState {
  key: string
  /** running: also while what is left of it is being rolled back */
  state: 'running' | 'done'
  /** When it arrived */
  submittedAt: string
  /** Its answer, once it is done: 200 or 409 */
  status?: number
  /** With 200: its formulas in the order of the list, duplicates and erased ones included */
  formulaIds?: string[]
}

/** A page of formulas */
export interface FormulaPage {
  formulas: StoredFormula[]
  /** The cursor of the next page; null on the last */
  nextCursor: string | null
}

/** The leased events; empty if none was ready */
export interface ReceivedEvents {
  events: ReceivedEvent[]
}

/** The result for each receipt */
export interface Acked {
  /** The number of valid receipts */
  acked: number
  /** Stale or unknown receipts; they changed nothing */
  rejected: RejectedReceipt[]
}

/** Every error has this shape */
export interface ErrorAnswer {
  /** The reason phrase of the status */
  error: string
  /** Human-readable; may change */
  message: string
  status: number
  code: ErrorCode
  /** Every problem, up to 100 */
  details: ErrorDetail[]
}

/** A formula to be submitted */
export interface SubmittedFormula {
  /** Not part of the composition. 1 to 200 characters after trimming, at least one of them visible and none a control character */
  name: string
  /** A set: order does not matter, and each material may occur only once */
  materials: SubmittedMaterial[]
  metadata?: Metadata
}

/** A change of one material */
export type Change = Addition | Subtraction | Setting | Removal

/** An exact decimal above 0 with at most 12 digits before and 12 after the point once an exponent is expanded. It is never rounded; longer ones are refused. No unit is assumed */
export type Concentration = string | number

/** Notes on the formula, not part of the composition */
export type Metadata = Record<string, string>

/** A stored formula; with onDuplicate=skip also whether it was added */
export interface SubmissionEntry {
  /** The fingerprint of its composition: SHA-256 in lower-case hex */
  id: string
  /** As submitted, trimmed */
  name: string
  /** In submitted order */
  materials: StoredMaterial[]
  /** When it was accepted */
  createdAt: string
  metadata?: Metadata
  /** The name of the API key that submitted it; absent without keys */
  submittedBy?: string
  /** The id of the formula that it was derived from */
  derivedFrom?: string
  /** Only with onDuplicate=skip */
  outcome?: 'added' | 'duplicate'
}

/** A formula, shown only by its id: with `Prefer: return=minimal`; a duplicate also for callers without the scope `read`, and beyond 4 MiB of formulas in an answer */
export interface FormulaReference {
  /** The fingerprint of its composition: SHA-256 in lower-case hex */
  id: string
  /** Only with onDuplicate=skip */
  outcome?: 'added' | 'duplicate'
}

/** A stored formula */
export interface StoredFormula {
  /** The fingerprint of its composition: SHA-256 in lower-case hex */
  id: string
  /** As submitted, trimmed */
  name: string
  /** In submitted order */
  materials: StoredMaterial[]
  /** When it was accepted */
  createdAt: string
  metadata?: Metadata
  /** The name of the API key that submitted it; absent without keys */
  submittedBy?: string
  /** The id of the formula that it was derived from */
  derivedFrom?: string
}

/** A leased event */
export interface ReceivedEvent {
  /** The fingerprint of its composition: SHA-256 in lower-case hex */
  id: string
  /** The formula's name */
  name: string
  /** When the formula was accepted */
  createdAt: string
  /** The span of its submission (W3C Trace Context), if it was traced */
  traceparent?: string
  /** Opaque token of one lease; at most 200 UTF-16 code units */
  receipt: string
  /** How often it was leased, including this lease */
  receiveCount: number
  /** When the lease ends */
  leasedUntil: string
  /** Only with `include`; null if it has been erased meanwhile */
  formula?: StoredFormula | null
}

export interface RejectedReceipt {
  /** Opaque token of one lease; at most 200 UTF-16 code units */
  receipt: string
  code: 'RECEIPT_STALE'
}

/** Stable, unlike the message: use it in programs. See docs/errors.md */
export type ErrorCode =
  | 'INVALID_JSON'
  | 'IDEMPOTENCY_KEY_MISSING'
  | 'IDEMPOTENCY_KEY_INVALID'
  | 'FORMULA_NAME_MISSING'
  | 'FORMULA_MATERIALS_MISSING'
  | 'FORMULA_NAME_NOT_STRING'
  | 'FORMULA_MATERIALS_NOT_LIST'
  | 'FORMULA_NAME_INVALID'
  | 'FORMULA_MATERIALS_COUNT'
  | 'FORMULA_FIELD_UNKNOWN'
  | 'FORMULA_NOT_OBJECT'
  | 'FORMULA_LIST_TOO_LONG'
  | 'MATERIAL_NOT_OBJECT'
  | 'MATERIAL_NAME_MISSING'
  | 'MATERIAL_CONCENTRATION_MISSING'
  | 'MATERIAL_NAME_NOT_STRING'
  | 'MATERIAL_NAME_INVALID'
  | 'MATERIAL_CONCENTRATION_NOT_DECIMAL'
  | 'MATERIAL_FIELD_UNKNOWN'
  | 'MATERIAL_DUPLICATE'
  | 'METADATA_INVALID'
  | 'CHANGES_INVALID'
  | 'MATERIAL_NOT_IN_FORMULA'
  | 'CONCENTRATION_NOT_POSITIVE'
  | 'CONCENTRATION_TOO_LONG'
  | 'VALIDATION_FAILED'
  | 'CURSOR_INVALID'
  | 'BAD_REQUEST'
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'CROSS_SITE'
  | 'ROUTE_NOT_FOUND'
  | 'FORMULA_NOT_FOUND'
  | 'SUBMISSION_NOT_FOUND'
  | 'EVENT_NOT_FOUND'
  | 'SUBSCRIPTION_NOT_FOUND'
  | 'CLEANUP_NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'REQUEST_TIMEOUT'
  | 'FORMULA_EXISTS'
  | 'IDEMPOTENCY_KEY_IN_USE'
  | 'EVENTS_FORWARDED'
  | 'SUBSCRIPTION_REFUSED'
  | 'FORMULA_ERASED'
  | 'PAYLOAD_TOO_LARGE'
  | 'URI_TOO_LONG'
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'EXPECTATION_FAILED'
  | 'HOST_NOT_ALLOWED'
  | 'IDEMPOTENCY_KEY_REUSED'
  | 'RATE_LIMITED'
  | 'HEADERS_TOO_LARGE'
  | 'INTERNAL_ERROR'
  | 'SUBMISSION_FAILED'
  | 'SERVICE_STOPPING'
  | 'SERVICE_OVERLOADED'
  | 'STORE_UNAVAILABLE'

/** One problem, and its place in the request */
export interface ErrorDetail {
  /** JSON pointer into the body, `?limit` for a query parameter, or the name of a header */
  path: string
  code: ErrorCode
  /** Human-readable; may change */
  message: string
  /** The fingerprint of its composition: SHA-256 in lower-case hex */
  id?: string
}

export interface SubmittedMaterial {
  /** Compared without regard to case, width, runs of blanks, kinds of dashes, trade mark signs and invisible characters. 1 to 500 characters after trimming, at least one of them visible and none a control character */
  name: string
  concentration: Concentration
}

/** Adds to the concentration */
export interface Addition {
  /** Found by the same comparison as in submissions. 1 to 500 characters after trimming, at least one of them visible and none a control character */
  material: string
  add: Concentration
}

/** Subtracts from the concentration */
export interface Subtraction {
  /** Found by the same comparison as in submissions. 1 to 500 characters after trimming, at least one of them visible and none a control character */
  material: string
  subtract: Concentration
}

/** Sets the concentration; a material that is not there is added last */
export interface Setting {
  /** Found by the same comparison as in submissions. 1 to 500 characters after trimming, at least one of them visible and none a control character */
  material: string
  set: Concentration
}

/** Removes the material */
export interface Removal {
  /** Found by the same comparison as in submissions. 1 to 500 characters after trimming, at least one of them visible and none a control character */
  material: string
  remove: true
}

export interface StoredMaterial {
  /** As submitted, trimmed */
  name: string
  /** In canonical form: no exponent, no redundant zeros */
  concentration: string
}
