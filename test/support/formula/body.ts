import type { ErrorDetail } from '../../../src/errors/service-error.ts'
import { parseExactJson } from '../../../src/formula/json.ts'
import { validateSubmission } from '../../../src/formula/validate.ts'

export const ROSE = { name: 'Rose', concentration: '1' }
export const ROSE_OIL = { name: 'Rose oil', concentration: 1 }
export const FORMULA = { name: 'Rose Garden', materials: [ROSE] }

export const parsed = (text: string): unknown => parseExactJson(Buffer.from(text))

/** What is wrong with a body; nothing when it is valid. */
export function problemsOf(body: unknown): ErrorDetail[] {
  const validation = validateSubmission(body)
  return validation.valid ? [] : validation.problems
}

/** Each problem as `path code`, in order. */
export const report = (body: unknown): string[] => problemsOf(body).map(({ path, code }) => `${path} ${code}`)
export const withMaterials = (...materials: unknown[]): object => ({ name: 'Rose Garden', materials })
