import { detail, ServiceError } from '../src/errors/service-error.ts'

/** The list that a cursor belongs to; it is not valid for another. */
export type CursorKind = 'formulas' | 'dead'

/** Encodes a position in a list; null stays null. */
export function writeCursor(kind: CursorKind, position: number | null): string | null {
  return position === null ? null : Buffer.from(`${kind}:${position}`).toString('base64url')
}

/**
 * Decodes a cursor to the `before` of a query.
 * @throws {ServiceError} CURSOR_INVALID unless `writeCursor` made it for this kind
 */
export function readCursor(kind: CursorKind, cursor: string | undefined): { before?: number } {
  if (cursor === undefined) return {}
  const position = Number(
    Buffer.from(cursor, 'base64url')
      .toString('latin1')
      .slice(kind.length + 1),
  )
  const isValid = Number.isSafeInteger(position) && position >= 0 && writeCursor(kind, position) === cursor
  if (isValid) return { before: position }
  throw new ServiceError('CURSOR_INVALID', { details: [detail('?cursor', 'CURSOR_INVALID')] })
}
