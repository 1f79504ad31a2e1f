/** All error codes, with status and text. A test compares docs/errors.md with them. */
export const catalogue = {
  INVALID_JSON: { status: 400, message: 'Invalid or missing JSON' },
  IDEMPOTENCY_KEY_MISSING: { status: 400, message: 'Missing Idempotency-Key header' },
  IDEMPOTENCY_KEY_INVALID: {
    status: 400,
    message:
      'The Idempotency-Key header must be 1 to 255 visible ASCII characters, bare or quoted; blanks may stand within quotes',
  },
  FORMULA_NAME_MISSING: { status: 400, message: "Missing field 'name' on fragrance formula" },
  FORMULA_MATERIALS_MISSING: { status: 400, message: "Missing field 'materials' on fragrance formula" },
  FORMULA_NAME_NOT_STRING: { status: 400, message: 'Formula name must be a string' },
  FORMULA_MATERIALS_NOT_LIST: { status: 400, message: "A formula's materials must be a list" },
  FORMULA_NAME_INVALID: {
    status: 400,
    message:
      'Formula name must have 1 to 200 characters after trimming, well-formed, visible and without control characters',
  },
  FORMULA_MATERIALS_COUNT: { status: 400, message: 'A formula must have 1 to 500 materials' },
  FORMULA_FIELD_UNKNOWN: { status: 400, message: 'Unknown field on fragrance formula' },
  FORMULA_NOT_OBJECT: { status: 400, message: 'A fragrance formula must be an object' },
  FORMULA_LIST_TOO_LONG: { status: 400, message: 'A list may hold at most 1000 formulas' },
  MATERIAL_NOT_OBJECT: { status: 400, message: 'A material must be an object' },
  MATERIAL_NAME_MISSING: { status: 400, message: "Missing field 'name' on a material" },
  MATERIAL_CONCENTRATION_MISSING: { status: 400, message: "Missing field 'concentration' on a material" },
  MATERIAL_NAME_NOT_STRING: { status: 400, message: 'Material name must be a string' },
  MATERIAL_NAME_INVALID: {
    status: 400,
    message:
      'Material name must have 1 to 500 characters after trimming, well-formed, visible and without control characters',
  },
  MATERIAL_CONCENTRATION_NOT_DECIMAL: {
    status: 400,
    message: 'Material concentration must be a decimal above 0 with at most 12 digits before and 12 after the point',
  },
  MATERIAL_FIELD_UNKNOWN: { status: 400, message: 'Unknown field on a material' },
  MATERIAL_DUPLICATE: { status: 400, message: 'The same material occurs twice in one formula' },
  METADATA_INVALID: {
    status: 400,
    message:
      'Metadata must be an object of at most 16 entries: keys of 1 to 40 letters, digits, _, . and -; values strings of at most 500 characters, none a control character',
  },
  CHANGES_INVALID: {
    status: 400,
    message:
      'Changes must be at most 1000, each a material with one of add, subtract, set or remove: true, and scale a decimal above 0; the result must have 1 to 500 materials and another composition',
  },
  MATERIAL_NOT_IN_FORMULA: { status: 400, message: 'A material to be changed is not in the formula' },
  CONCENTRATION_NOT_POSITIVE: { status: 400, message: 'A concentration would not be above 0' },
  CONCENTRATION_TOO_LONG: {
    status: 400,
    message: 'A concentration would have more than 12 digits before or after the point',
  },
  VALIDATION_FAILED: { status: 400, message: 'The request is not valid' },
  CURSOR_INVALID: { status: 400, message: 'The cursor was not issued by this service' },
  BAD_REQUEST: { status: 400, message: 'The request cannot be read as HTTP' },
  UNAUTHORIZED: { status: 401, message: 'This needs an API key: Authorization: Bearer <key>' },
  FORBIDDEN: { status: 403, message: 'The API key does not allow this' },
  CROSS_SITE: { status: 403, message: 'A browser sent this for a page of another site, which may change nothing here' },
  ROUTE_NOT_FOUND: { status: 404, message: 'There is no such route' },
  FORMULA_NOT_FOUND: { status: 404, message: 'There is no formula with this id' },
  SUBMISSION_NOT_FOUND: { status: 404, message: 'There is no submission with this key' },
  EVENT_NOT_FOUND: { status: 404, message: 'There is no dead letter with this id' },
  SUBSCRIPTION_NOT_FOUND: { status: 404, message: 'There is no subscription of this name' },
  CLEANUP_NOT_FOUND: { status: 404, message: 'There is no cleanup with this id' },
  METHOD_NOT_ALLOWED: { status: 405, message: 'This route does not support this method' },
  REQUEST_TIMEOUT: { status: 408, message: 'The request took too long to arrive' },
  FORMULA_EXISTS: {
    status: 409,
    message: 'This formula already exists in the database, either by the same name or another name',
  },
  IDEMPOTENCY_KEY_IN_USE: { status: 409, message: 'A submission with this Idempotency-Key is still running' },
  EVENTS_FORWARDED: {
    status: 409,
    message: 'The events of this subscription are forwarded elsewhere; receive them there',
  },
  SUBSCRIPTION_REFUSED: {
    status: 409,
    message: 'The subscription default and those of sinks cannot be deleted, and there may be at most 100',
  },
  FORMULA_ERASED: { status: 410, message: 'A formula of this answer has been erased' },
  PAYLOAD_TOO_LARGE: { status: 413, message: 'The body is too large' },
  URI_TOO_LONG: { status: 414, message: 'The address is too long' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, message: 'The body must be application/json in UTF-8' },
  EXPECTATION_FAILED: { status: 417, message: 'The expectation in the Expect header cannot be met' },
  HOST_NOT_ALLOWED: { status: 421, message: 'The service does not answer to the host that the request names' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, message: 'This Idempotency-Key was used with another payload' },
  RATE_LIMITED: { status: 429, message: 'Too many requests; send the request again later' },
  HEADERS_TOO_LARGE: { status: 431, message: 'The headers are too large' },
  INTERNAL_ERROR: { status: 500, message: 'Something went wrong on our side' },
  SUBMISSION_FAILED: { status: 503, message: 'The submission could not be stored; send it again with the same key' },
  SERVICE_STOPPING: { status: 503, message: 'The service is stopping; send the request again' },
  SERVICE_OVERLOADED: { status: 503, message: 'The service is overloaded; send the request again later' },
  STORE_UNAVAILABLE: { status: 503, message: 'A store does not answer; try again' },
} as const satisfies Record<string, { status: number; message: string }>

export type ErrorCode = keyof typeof catalogue

/** The code of a single rejected receipt, within a 200. */
export const RECEIPT_STALE = 'RECEIPT_STALE'
