import { detail, ServiceError } from '../src/errors/service-error.ts'

/** Which list a cursor is for, so that none is taken for another's. */
export type CursorKind = 'formulas' | 'dead'

/** Makes a place in a list opaque; null stays null. */
export function writeCursor(kind: CursorKind, place: number | null): string | null {
  return place === null ? null : Buffer.from(`${kind}:${place}`).toString('base64url')
}

/**
 * Reads a cursor back as the `before` of a query; none, when there is no cursor.
 * @throws {ServiceError} CURSOR_INVALID unless `writeCursor` made it for this kind
 */
export function readCursor(kind: CursorKind, cursor: string | undefined): { before?: number } {
  if (cursor === undefined) return {}
  const place = Number(
    Buffer.from(cursor, 'base64url')
      .toString('latin1')
      .slice(kind.length + 1),
  )
  if (Number.isSafeInteger(place) && place >= 0 && writeCursor(kind, place) === cursor) return { before: place }
  throw new ServiceError('CURSOR_INVALID', { details: [detail('?cursor', 'CURSOR_INVALID')] })
}
