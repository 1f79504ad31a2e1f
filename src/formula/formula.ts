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

/** Maximum number of entries of a formula's metadata. */
export const MAX_METADATA = 16
export const METADATA_KEY = /^[A-Za-z0-9_.-]{1,40}$/
/** Maximum length of a value, in code points. */
export const METADATA_VALUE_LENGTH = 500

/**
 * The caller's own notes on a formula, in code-unit order of keys; at least one entry. Pairs, since an object would list
 * keys like "10" first.
 */
export type Metadata = readonly (readonly [key: string, value: string])[]

/** The fields that a caller submits, validated. */
export interface FormulaFields {
  name: string
  /** In submitted order. */
  materials: Material[]
  /** Not part of the composition. */
  metadata?: Metadata | undefined
}

/** A validated formula. */
export interface Formula extends FormulaFields {
  /** The fingerprint of its composition: SHA-256 in lower-case hex. */
  id: string
}

/** What the service adds to a formula when it accepts it. */
export interface Acceptance {
  /** ISO 8601 in UTC with milliseconds. */
  createdAt: string
  /** The caller's name; absent without API keys. */
  submittedBy?: string | undefined
  /** The id of the formula that it was derived from, if any. */
  derivedFrom?: string | undefined
}

/** The fields of a stored formula besides its id. */
export type FormulaDocument = FormulaFields & Acceptance

/** Requires every field of `T`, also the optional ones. */
export type EachField<T, Value = unknown> = { [Field in keyof T]-?: Value }

/** The fields that a body may have. */
export const FORMULA_FIELDS = Object.keys({
  name: 1,
  materials: 1,
  metadata: 1,
} satisfies EachField<FormulaFields>)
export const MATERIAL_FIELDS = Object.keys({ name: 1, concentration: 1 } satisfies EachField<Material>)

/**
 * Writes the document of a formula: its JSON text, made once on acceptance, then stored and sent unchanged. It leaves out
 * the id, which stores keep as binary, in half the space.
 * @param accepted null for a formula that is only checked: nothing is added to its fields
 */
export function writeDocument({ name, materials, metadata }: FormulaFields, accepted: Acceptance | null): string {
  const { createdAt, submittedBy, derivedFrom }: Partial<Acceptance> = accepted ?? {}
  const always = { name, materials, createdAt }
  const optional = {
    metadata: metadata && writeMetadata(metadata),
    submittedBy: submittedBy && JSON.stringify(submittedBy),
    derivedFrom: derivedFrom && JSON.stringify(derivedFrom),
  } satisfies EachField<Omit<FormulaDocument, keyof typeof always>>
  let text = JSON.stringify(always).slice(0, -1)
  for (const field in optional) {
    const value = optional[field as keyof typeof optional]
    if (value) text += `,"${field}":${value}`
  }
  return `${text}}`
}

const writeMetadata = (metadata: Metadata): string =>
  `{${metadata.map(([key, value]) => `"${key}":${JSON.stringify(value)}`).join()}}`

export const readMaterials = (document: string): Material[] =>
  (JSON.parse(document) as Pick<FormulaDocument, 'materials'>).materials

/** Writes a stored formula as every answer shows it: its document, with the id as first field. */
export const showFormula = ({ id, document }: { id: string; document: string }): string =>
  `{"id":"${id}",${document.slice(1)}`

/** What makes two submitted formulas the same payload; the id stands for the materials. */
export const payloadOf = ({ id, name, metadata }: Formula): unknown => (metadata ? [id, name, metadata] : [id, name])

/** The fields of an event besides id and time. */
export interface EventBody {
  name: string
  /** The span of its submission (W3C Trace Context); absent when it is not traced. */
  traceparent?: string
}

export const writeEventBody = ({ name }: Formula, traceparent: string | undefined): string =>
  JSON.stringify({ name, traceparent } satisfies EachField<EventBody>)

export const readEventBody = (body: string): EventBody => JSON.parse(body)
