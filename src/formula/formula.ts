/** One ingredient: its name and its concentration, an exact positive decimal in canonical form. */
export interface Material {
  name: string
  concentration: string
}

/**
 * A formula as it was accepted: its fingerprint is its id. Where it is only carried along, its materials may be in
 * another form, as JSON for instance.
 */
export interface Formula<M = Material[]> {
  /** SHA-256 over the canonical materials, in lower-case hex. */
  id: string
  name: string
  /** In submitted order. */
  materials: M
}

/** A formula that is on disk. */
export interface StoredFormula<M = Material[]> extends Formula<M> {
  /** ISO 8601 in UTC with milliseconds. */
  createdAt: string
}
