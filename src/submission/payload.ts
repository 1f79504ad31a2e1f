import { hash } from 'node:crypto'
import type { SubmissionRequest } from './outcome.ts'

/**
 * What "the same payload" means: the same names, make-ups, order and `onDuplicate`, not the same bytes.
 * @returns SHA-256 in lower-case hex
 */
export function payloadHash({ onDuplicate, formulas }: Pick<SubmissionRequest, 'onDuplicate' | 'formulas'>): string {
  const entries = formulas.map(({ id, name }) => [id, name])
  return hash('sha256', JSON.stringify([onDuplicate, entries]), 'hex')
}
