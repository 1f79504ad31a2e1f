import type { ErrorCode } from '../../src/errors/catalogue.ts'
import { ServiceError } from '../../src/errors/service-error.ts'
import type { Formula } from '../../src/formula/formula.ts'
import { validateSubmission } from '../../src/formula/validate.ts'

/** A checked body of POST /formulas. */
export interface CheckedBody {
  formulas: Formula[]
  single: boolean
}

/** Checks a body by the contract's own rules and messages, which no JSON schema can give; in a validator's form. */
export function checkSubmission(body: unknown): { value: CheckedBody } | { error: ServiceError } {
  const validation = validateSubmission(body)
  if (validation.valid) return { value: validation }
  const { problems } = validation
  return { error: new ServiceError(problems[0].code as ErrorCode, { details: problems, message: problems[0].message }) }
}
