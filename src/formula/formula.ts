export interface Material {
  name: string
  /** An exact positive decimal in canonical form. */
  concentration: string
}

/** A validated formula. */
export interface Formula {
  /** The fingerprint of its composition: SHA-256 in lower-case hex. */
  id: string
  name: string
  /** In submitted order. */
  materials: Material[]
}

/**
 * Writes the document of a formula: its JSON text, made once when it is accepted, then stored and sent unchanged. All
 * fields of a stored formula are written here.
 * @param createdAt ISO 8601 in UTC with milliseconds
 */
export const writeDocument = ({ id, name, materials }: Formula, createdAt: string): string =>
  JSON.stringify({ id, name, materials, createdAt })

/** The fields of an event besides id and time. */
export interface EventBody {
  name: string
  /** The span of its submission (W3C Trace Context); absent when it is not traced. */
  traceparent?: string
}

export const writeEventBody = ({ name }: Formula, traceparent: string | undefined): string =>
  JSON.stringify({ name, traceparent } satisfies { [K in keyof EventBody]: unknown })

export const readEventBody = (body: string): EventBody => JSON.parse(body)
