import { invalidJson, ServiceError } from '../errors/service-error.ts'
import { parseExactJson } from './json.ts'

/**
 * Reads a body without losing a digit.
 * @throws {ServiceError} INVALID_JSON
 */
export function readBody(body: Buffer): unknown {
  try {
    return parseExactJson(body)
  } catch (error) {
    throw new ServiceError('INVALID_JSON', { details: [invalidJson((error as SyntaxError).message)] })
  }
}
