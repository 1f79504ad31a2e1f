import type { ErrorCode } from '../errors/catalogue.ts'
import { detail, type ErrorDetail, invalidJson, MAX_DETAILS, ServiceError } from '../errors/service-error.ts'
import { canonicalDecimal } from './decimal.ts'
import {
  FORMULA_FIELDS,
  FORMULA_NAME_LENGTH,
  type Formula,
  MATERIAL_FIELDS,
  MATERIAL_NAME_LENGTH,
  MAX_FORMULAS,
  MAX_MATERIALS,
  MAX_METADATA,
  type Material,
  METADATA_KEY,
  METADATA_VALUE_LENGTH,
  type Metadata,
} from './formula.ts'
import { checkedIdentity, checkName, fingerprint, isComparable, isText } from './identity.ts'
import { JsonNumber, readBody } from './json.ts'

/** Validated formulas, or all problems (at most 100) in the order of the contract. */
type Validation =
  | { valid: true; formulas: Formula[]; single: boolean }
  | { valid: false; problems: [ErrorDetail, ...ErrorDetail[]] }

/**
 * Validates the parsed body of a submission: a formula, or a list of 1–1000.
 * Problems are in this order: missing fields, wrong types, limits, unknown fields; those of a formula before those of its
 * materials.
 */
export function validateSubmission(body: unknown): Validation {
  const single = !Array.isArray(body)
  const list: unknown[] = single ? [body] : body
  const reason = whyNotSubmission(body)
  if (reason !== undefined) return { valid: false, problems: [invalidJson(reason)] }
  if (list.length > MAX_FORMULAS) return { valid: false, problems: [detail('', 'FORMULA_LIST_TOO_LONG')] }
  const report = new Report()
  const formulas: Formula[] = []
  for (let index = 0; index < list.length && !report.full; index++) {
    const formula = validateFormula(list[index], single ? '' : `/${index}`, report)
    if (formula !== null) formulas.push(formula)
  }
  const [first, ...rest] = report.problems
  return first === undefined ? { valid: true, formulas, single } : { valid: false, problems: [first, ...rest] }
}

function whyNotSubmission(body: unknown): string | undefined {
  if (body === undefined) return 'the body is empty'
  if (Array.isArray(body)) return body.length === 0 ? 'the list is empty' : undefined
  if (!isObject(body)) return 'it is neither an object nor a list'
  return Object.keys(body).length === 0 ? 'the object is empty' : undefined
}

/** Collects the problems of a body. */
export class Report {
  readonly problems: ErrorDetail[] = []

  get full(): boolean {
    return this.problems.length >= MAX_DETAILS
  }

  add(path: string, code: ErrorCode): void {
    if (!this.full) this.problems.push(detail(path, code))
  }

  /** The problems as one error; null when there are none. */
  get error(): ServiceError | null {
    const [first] = this.problems
    return first === undefined ? null : new ServiceError(first.code as ErrorCode, { details: this.problems })
  }
}

function validateFormula(value: unknown, path: string, report: Report): Formula | null {
  if (!isObject(value)) {
    report.add(path, 'FORMULA_NOT_OBJECT')
    return null
  }
  const before = report.problems.length
  const rawName = own(value, 'name')
  const rawMaterials = own(value, 'materials')
  const isNameText = typeof rawName === 'string'
  const isList = Array.isArray(rawMaterials)
  if (rawName === undefined) report.add(`${path}/name`, 'FORMULA_NAME_MISSING')
  if (rawMaterials === undefined) report.add(`${path}/materials`, 'FORMULA_MATERIALS_MISSING')
  if (rawName !== undefined && !isNameText) report.add(`${path}/name`, 'FORMULA_NAME_NOT_STRING')
  if (rawMaterials !== undefined && !isList) report.add(`${path}/materials`, 'FORMULA_MATERIALS_NOT_LIST')
  const name = isNameText ? readFormulaName(rawName, `${path}/name`, report) : null
  const checked = isList ? checkMaterialCount(rawMaterials, path, report) : []
  const metadata = checkMetadata(own(value, 'metadata'), `${path}/metadata`, report)
  refuseUnknownFields(value, FORMULA_FIELDS, path, 'FORMULA_FIELD_UNKNOWN', report)
  const materials: Material[] = []
  const concentrations = new Map<string, string>()
  for (let index = 0; index < checked.length && !report.full; index++) {
    const material = validateMaterial(checked[index], `${path}/materials/${index}`, concentrations, report)
    if (material !== null) materials.push(material)
  }
  if (report.problems.length > before || name === null) return null
  return { id: fingerprint(concentrations), name, materials, ...(metadata && { metadata }) }
}

/** @returns null when it is invalid */
export function readFormulaName(text: string, path: string, report: Report): string | null {
  const name = checkName(text, FORMULA_NAME_LENGTH)
  if (name !== null && isComparable(name)) return name
  report.add(path, 'FORMULA_NAME_INVALID')
  return null
}

/** @returns the materials to validate; none when there are too few or too many */
function checkMaterialCount(materials: unknown[], path: string, report: Report): unknown[] {
  if (materials.length > 0 && materials.length <= MAX_MATERIALS) return materials
  report.add(`${path}/materials`, 'FORMULA_MATERIALS_COUNT')
  return []
}

/** @returns undefined when there is none, it is empty, or it is invalid */
export function checkMetadata(value: unknown, path: string, report: Report): Metadata | undefined {
  if (value === undefined) return undefined
  if (!isObject(value) || Object.keys(value).length > MAX_METADATA) {
    report.add(path, 'METADATA_INVALID')
    return undefined
  }
  const metadata: [string, string][] = []
  for (const [key, text] of Object.entries(value)) {
    const isKey = METADATA_KEY.test(key) && key !== '__proto__'
    if (isKey && isText(text, METADATA_VALUE_LENGTH)) metadata.push([key, text])
    else report.add(`${path}/${pointerToken(key)}`, 'METADATA_INVALID')
  }
  return metadata.length === 0 ? undefined : metadata.sort(([a], [b]) => (a < b ? -1 : 1))
}

/** @param concentrations of the formula's materials so far, by identity; the material is added */
function validateMaterial(
  value: unknown,
  path: string,
  concentrations: Map<string, string>,
  report: Report,
): Material | null {
  if (!isObject(value)) {
    report.add(path, 'MATERIAL_NOT_OBJECT')
    return null
  }
  const rawName = own(value, 'name')
  const rawConcentration = own(value, 'concentration')
  const isNameText = typeof rawName === 'string'
  if (rawName === undefined) report.add(`${path}/name`, 'MATERIAL_NAME_MISSING')
  if (rawConcentration === undefined) report.add(`${path}/concentration`, 'MATERIAL_CONCENTRATION_MISSING')
  if (rawName !== undefined && !isNameText) report.add(`${path}/name`, 'MATERIAL_NAME_NOT_STRING')
  const concentration = readConcentration(rawConcentration)
  if (rawConcentration !== undefined && concentration === null) {
    report.add(`${path}/concentration`, 'MATERIAL_CONCENTRATION_NOT_DECIMAL')
  }
  const name = isNameText ? checkName(rawName, MATERIAL_NAME_LENGTH) : null
  const identity = name === null ? null : checkedIdentity(name)
  if (isNameText && identity === null) report.add(`${path}/name`, 'MATERIAL_NAME_INVALID')
  refuseUnknownFields(value, MATERIAL_FIELDS, path, 'MATERIAL_FIELD_UNKNOWN', report)
  if (name === null || identity === null) return null
  if (concentrations.has(identity)) report.add(path, 'MATERIAL_DUPLICATE')
  concentrations.set(identity, concentration ?? '')
  return concentration === null ? null : { name, concentration }
}

export function readConcentration(value: unknown): string | null {
  if (typeof value === 'string') return canonicalDecimal(value)
  if (typeof value === 'number') return canonicalDecimal(String(value))
  return value instanceof JsonNumber ? canonicalDecimal(value.source) : null
}

/** The value of a field, without inherited ones; undefined when it is missing. */
export function own(value: Record<string, unknown>, field: string): unknown {
  return Object.hasOwn(value, field) ? value[field] : undefined
}

export function refuseUnknownFields(
  value: Record<string, unknown>,
  known: string[],
  path: string,
  code: ErrorCode,
  report: Report,
): void {
  for (const field in value) {
    if (!known.includes(field)) report.add(`${path}/${pointerToken(field)}`, code)
  }
}

const pointerToken = (field: string): string => field.replaceAll('~', '~0').replaceAll('/', '~1')

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber)
}

/** The validated body of POST /formulas. */
export interface CheckedBody {
  formulas: Formula[]
  single: boolean
}

/** A Fastify validator for the rules and messages of the contract that a JSON schema cannot express. */
export const checkSubmission = bodyValidator((body): CheckedBody | ServiceError => {
  const validation = validateSubmission(body)
  if (validation.valid) return validation
  const { problems } = validation
  return new ServiceError(problems[0].code as ErrorCode, { details: problems })
})

/** @param check is given the parsed body, or undefined when it is empty */
export function bodyValidator<T>(check: (body: unknown) => T | ServiceError) {
  return (body: Buffer | null): { value: T } | { error: ServiceError } => {
    let read: unknown
    try {
      read = body === null ? undefined : readBody(body)
    } catch (error) {
      return { error: error as ServiceError }
    }
    const checked = check(read)
    return checked instanceof ServiceError ? { error: checked } : { value: checked }
  }
}
