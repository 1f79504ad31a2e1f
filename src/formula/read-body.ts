import { detail, ServiceError } from '../errors/service-error.ts'
import { parseExactJson } from './json.ts'

/**
 * Reads a body without losing a digit.
 * @throws {ServiceError} INVALID_JSON
 */
export function readBody(body: Buffer): unknown {
  try {
    return parseExactJson(body)
  } catch {
    throw new ServiceError('INVALID_JSON', { details: [detail('', 'INVALID_JSON')] })
  }
}
