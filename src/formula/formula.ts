// The fields of a formula and their limits. The validator, the schemas and the document are checked against these types.

/** Maximum lengths of names after trimming, in code points. */
export const FORMULA_NAME_LENGTH = 200
export const MATERIAL_NAME_LENGTH = 500
export const MAX_MATERIALS = 500
/** Maximum number of formulas in one submission. */
export const MAX_FORMULAS = 1000

export interface Material {
  name: string
  /** An exact positive decimal in canonical form. */
  concentration: string
}

/** The fields that a caller submits, validated. */
export interface FormulaFields {
  name: string
  /** In submitted order. */
  materials: Material[]
}

/** A validated formula. */
export interface Formula extends FormulaFields {
  /** The fingerprint of its composition: SHA-256 in lower-case hex. */
  id: string
}

/** The fields of a stored formula besides its id. */
export interface FormulaDocument extends FormulaFields {
  /** ISO 8601 in UTC with milliseconds. */
  createdAt: string
}

/** Requires every field of `T`, also the optional ones. */
export type EachField<T, Value = unknown> = { [Field in keyof T]-?: Value }

/** The fields that a body may have. */
export const FORMULA_FIELDS = Object.keys({ name: 1, materials: 1 } satisfies EachField<FormulaFields>)
export const MATERIAL_FIELDS = Object.keys({ name: 1, concentration: 1 } satisfies EachField<Material>)

/**
 * Writes the document of a formula: its JSON text, made once on acceptance, then stored and sent unchanged. It leaves out
 * the id, which stores keep as binary, in half the space.
 */
export const writeDocument = ({ name, materials }: FormulaFields, createdAt: string): string =>
  JSON.stringify({ name, materials, createdAt } satisfies EachField<FormulaDocument>)

/** Writes a stored formula as every answer shows it: its document, with the id as first field. */
export const showFormula = ({ id, document }: { id: string; document: string }): string =>
  `{"id":"${id}",${document.slice(1)}`

/** What makes two submitted formulas the same payload; the id stands for the materials. */
export const payloadOf = ({ id, name }: Formula): unknown => [id, name]

/** The fields of an event besides id and time. */
export interface EventBody {
  name: string
  /** The span of its submission (W3C Trace Context); absent when it is not traced. */
  traceparent?: string
}

export const writeEventBody = ({ name }: Formula, traceparent: string | undefined): string =>
  JSON.stringify({ name, traceparent } satisfies EachField<EventBody>)

export const readEventBody = (body: string): EventBody => JSON.parse(body)
