import type { ErrorCode } from '../../src/errors/catalogue.ts'
import { ServiceError } from '../../src/errors/service-error.ts'
import type { Formula } from '../../src/formula/formula.ts'
import { readBody } from '../../src/formula/read-body.ts'
import { validateSubmission } from '../../src/formula/validate.ts'

/** A checked body of POST /formulas. */
export interface CheckedBody {
  formulas: Formula[]
  single: boolean
}

/**
 * Reads a body and checks it by the contract's own rules and messages, which no JSON schema can give; in a validator's
 * form.
 */
export function checkSubmission(body: Buffer | null): { value: CheckedBody } | { error: ServiceError } {
  let read: unknown
  try {
    read = body === null ? undefined : readBody(body)
  } catch (error) {
    return { error: error as ServiceError }
  }
  const validation = validateSubmission(read)
  if (validation.valid) return { value: validation }
  const { problems } = validation
  return { error: new ServiceError(problems[0].code as ErrorCode, { details: problems }) }
}
