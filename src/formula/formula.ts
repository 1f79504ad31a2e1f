/** One ingredient: its name and its concentration, an exact positive decimal in canonical form. */
export interface Material {
  name: string
  concentration: string
}

/** A formula as it was accepted: its fingerprint is its id. */
export interface Formula {
  /** SHA-256 over the canonical materials, in lower-case hex. */
  id: string
  name: string
  /** In submitted order. */
  materials: Material[]
}

/** A formula that is on disk. */
export interface StoredFormula extends Formula {
  /** ISO 8601 in UTC with milliseconds. */
  createdAt: string
}
