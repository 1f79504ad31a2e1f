import { catalogue, type ErrorCode } from '../errors/catalogue.ts'
import { detail, type ErrorBody, type ErrorDetail, errorBody } from '../errors/service-error.ts'
import { storedFormula } from './examples.ts'

/** The `path` in the example of each error. Errors without a path have no details. */
const PATHS: Partial<Record<ErrorCode, string>> = {
  BAD_REQUEST: 'Host',
  INVALID_JSON: '',
  IDEMPOTENCY_KEY_MISSING: 'Idempotency-Key',
  IDEMPOTENCY_KEY_INVALID: 'Idempotency-Key',
  IDEMPOTENCY_KEY_IN_USE: 'Idempotency-Key',
  IDEMPOTENCY_KEY_REUSED: 'Idempotency-Key',
  FORMULA_NAME_MISSING: '/name',
  FORMULA_MATERIALS_MISSING: '/materials',
  FORMULA_NAME_NOT_STRING: '/name',
  FORMULA_MATERIALS_NOT_LIST: '/materials',
  FORMULA_NAME_INVALID: '/1/name',
  FORMULA_MATERIALS_COUNT: '/materials',
  FORMULA_FIELD_UNKNOWN: '/colour',
  FORMULA_NOT_OBJECT: '/1',
  FORMULA_LIST_TOO_LONG: '',
  MATERIAL_NOT_OBJECT: '/materials/0',
  MATERIAL_NAME_MISSING: '/materials/0/name',
  MATERIAL_CONCENTRATION_MISSING: '/materials/0/concentration',
  MATERIAL_NAME_NOT_STRING: '/materials/0/name',
  MATERIAL_NAME_INVALID: '/materials/0/name',
  MATERIAL_CONCENTRATION_NOT_DECIMAL: '/materials/0/concentration',
  MATERIAL_FIELD_UNKNOWN: '/materials/0/unit',
  MATERIAL_DUPLICATE: '/materials/1',
  CURSOR_INVALID: '?cursor',
  UNAUTHORIZED: 'Authorization',
  CROSS_SITE: 'Sec-Fetch-Site',
  HOST_NOT_ALLOWED: 'Host',
  UNSUPPORTED_MEDIA_TYPE: 'Content-Type',
}

/** An unknown parameter or field. */
const UNKNOWN = { code: 'VALIDATION_FAILED', message: 'Unexpected property' }

/** Details whose message is not the catalogue's text. */
const DETAILS: Partial<Record<string, ErrorDetail>> = {
  VALIDATION_FAILED: { path: '/colour', ...UNKNOWN },
  VALIDATION_FAILED_IN_QUERY: { path: '?colour', ...UNKNOWN },
  FORBIDDEN: { path: 'Authorization', code: 'FORBIDDEN', message: 'The API key needs the scope admin' },
}

export interface ErrorExample {
  summary: string
  value: ErrorBody
}

/** Examples by error code. `VALIDATION_FAILED` has a second one, for queries. */
export function errorExamples(): Record<string, ErrorExample> {
  const examples: Record<string, ErrorExample> = {}
  const add = (name: string, code: ErrorCode, details: ErrorDetail[]): void => {
    examples[name] = { summary: catalogue[code].message, value: errorBody(code, details) }
  }
  for (const code of Object.keys(catalogue) as ErrorCode[]) {
    const path = PATHS[code]
    const special = DETAILS[code]
    add(code, code, special ? [special] : path === undefined ? [] : [detail(path, code)])
  }
  add('VALIDATION_FAILED_IN_QUERY', 'VALIDATION_FAILED', [DETAILS.VALIDATION_FAILED_IN_QUERY as ErrorDetail])
  add('FORMULA_EXISTS', 'FORMULA_EXISTS', [{ ...detail('', 'FORMULA_EXISTS'), id: storedFormula.id }])
  return examples
}
