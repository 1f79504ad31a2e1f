import { errorAt, invalidJson, ServiceError } from '../errors/service-error.ts'
import { canonicalDecimal, DECIMAL_DIGITS, toUnits } from './decimal.ts'
import {
  type EachField,
  type Formula,
  MATERIAL_NAME_LENGTH,
  MAX_MATERIALS,
  type Material,
  type Metadata,
  readMaterials,
} from './formula.ts'
import { checkedIdentity, checkName, fingerprint, nameIdentity } from './identity.ts'
import {
  bodyValidator,
  checkMetadata,
  isObject,
  own,
  Report,
  readConcentration,
  readFormulaName,
  refuseUnknownFields,
} from './validate.ts'

/** Maximum number of changes in one derivation. */
export const MAX_CHANGES = 1000

const OPERATIONS = ['add', 'subtract', 'set', 'remove'] as const

/** A validated change of one material. */
export interface Change {
  operation: (typeof OPERATIONS)[number]
  /** As submitted, trimmed. */
  material: string
  /** A canonical decimal; empty for `remove`. */
  operand: string
  identity: string
}

/** How a formula is made from another: the changes in order, then the scale. */
export interface Derivation {
  name: string
  changes: Change[]
  /** A canonical decimal. */
  scale: string | undefined
  metadata: Metadata | undefined
}

const DERIVATION_FIELDS = Object.keys({ name: 1, changes: 1, scale: 1, metadata: 1 } satisfies EachField<Derivation>)
const CHANGE_FIELDS = ['material', ...OPERATIONS]

/** A Fastify validator for the body of a derivation. */
export const checkDerivation = bodyValidator((body): Derivation | ServiceError => {
  if (!isObject(body) || Object.keys(body).length === 0) {
    const reason = body === undefined ? 'the body is empty' : 'it is not an object with fields'
    return new ServiceError('INVALID_JSON', { details: [invalidJson(reason)] })
  }
  const report = new Report()
  const name = checkFormulaName(own(body, 'name'), report)
  const rawScale = own(body, 'scale')
  const scale = readConcentration(rawScale)
  const rawChanges = own(body, 'changes')
  const list = rawChanges === undefined ? [] : rawChanges
  const isList = Array.isArray(list) && list.length <= MAX_CHANGES
  if (!isList || (list.length === 0 && rawScale === undefined)) report.add('/changes', 'CHANGES_INVALID')
  if (rawScale !== undefined && scale === null) report.add('/scale', 'CHANGES_INVALID')
  const metadata = checkMetadata(own(body, 'metadata'), '/metadata', report)
  refuseUnknownFields(body, DERIVATION_FIELDS, '', 'FORMULA_FIELD_UNKNOWN', report)
  const changes: Change[] = []
  for (let index = 0; isList && index < list.length && !report.full; index++) {
    const change = checkChange(list[index], `/changes/${index}`, report)
    if (change !== null) changes.push(change)
  }
  return report.error ?? { name, changes, scale: scale ?? undefined, metadata }
})

function checkFormulaName(value: unknown, report: Report): string {
  if (typeof value === 'string') return readFormulaName(value, '/name', report) ?? ''
  report.add('/name', value === undefined ? 'FORMULA_NAME_MISSING' : 'FORMULA_NAME_NOT_STRING')
  return ''
}

function checkChange(value: unknown, path: string, report: Report): Change | null {
  const before = report.problems.length
  const given = isObject(value) ? OPERATIONS.filter((name) => Object.hasOwn(value, name)) : []
  const [operation, another] = given
  if (!isObject(value) || operation === undefined || another !== undefined) {
    report.add(path, 'CHANGES_INVALID')
    if (isObject(value)) refuseUnknownFields(value, CHANGE_FIELDS, path, 'MATERIAL_FIELD_UNKNOWN', report)
    return null
  }
  const rawName = own(value, 'material')
  const material = typeof rawName === 'string' ? checkName(rawName, MATERIAL_NAME_LENGTH) : null
  const identity = material === null ? null : checkedIdentity(material)
  if (rawName === undefined) report.add(`${path}/material`, 'CHANGES_INVALID')
  else if (typeof rawName !== 'string') report.add(`${path}/material`, 'MATERIAL_NAME_NOT_STRING')
  else if (identity === null) report.add(`${path}/material`, 'MATERIAL_NAME_INVALID')
  const rawOperand = value[operation]
  const operand = operation === 'remove' ? '' : readConcentration(rawOperand)
  if (operation === 'remove' && rawOperand !== true) report.add(`${path}/remove`, 'CHANGES_INVALID')
  if (operand === null) report.add(`${path}/${operation}`, 'MATERIAL_CONCENTRATION_NOT_DECIMAL')
  refuseUnknownFields(value, CHANGE_FIELDS, path, 'MATERIAL_FIELD_UNKNOWN', report)
  if (report.problems.length > before || material === null || identity === null || operand === null) return null
  return { operation, material, operand, identity }
}

/** What makes two derivations the same payload. */
export const derivationPayload = (parentId: string, derivation: Derivation): unknown => ['derive', parentId, derivation]

/** A material on the way to its result, in units of `toUnits`; it may be 0 or below. */
interface Amount {
  name: string
  units: bigint
}

/**
 * Derives a formula. The arithmetic is exact, and only its result is checked.
 * @throws {ServiceError} one of the codes of derivations
 */
export function derive(parent: { id: string; document: string }, derivation: Derivation): Formula {
  const { name, changes, scale, metadata } = derivation
  const report = new Report()
  const lastChanges = new Map(changes.map(({ identity }, index) => [identity, `/changes/${index}`]))
  const amounts = new Map<string, Amount>()
  for (const { name, concentration } of readMaterials(parent.document)) {
    amounts.set(nameIdentity(name), { name, units: toUnits(concentration) })
  }
  const missing = applyChanges(amounts, changes)
  for (const identity of missing) report.add(lastChanges.get(identity) ?? '', 'MATERIAL_NOT_IN_FORMULA')
  if (report.error !== null) throw report.error
  const factor = toUnits(scale ?? '1')
  const materials: Material[] = []
  const concentrations = new Map<string, string>()
  for (const [identity, { name, units }] of amounts) {
    const concentration = units > 0n ? canonicalDecimal(`${units * factor}e-${2 * DECIMAL_DIGITS}`) : null
    if (concentration === null) {
      const code = units > 0n ? 'CONCENTRATION_TOO_LONG' : 'CONCENTRATION_NOT_POSITIVE'
      report.add(lastChanges.get(identity) ?? '/scale', code)
    } else {
      materials.push({ name, concentration })
      concentrations.set(identity, concentration)
    }
  }
  if (amounts.size === 0 || amounts.size > MAX_MATERIALS) report.add('/changes', 'CHANGES_INVALID')
  if (report.error !== null) throw report.error
  const id = fingerprint(concentrations)
  if (id === parent.id) throw errorAt(changes.length > 0 ? '/changes' : '/scale', 'CHANGES_INVALID')
  return { id, name, materials, ...(metadata && { metadata }) }
}

/** @returns the identities of changed materials that are not there */
function applyChanges(amounts: Map<string, Amount>, changes: Change[]): Set<string> {
  const missing = new Set<string>()
  for (const { operation, material, operand, identity } of changes) {
    const amount = amounts.get(identity)
    if (operation === 'set') amounts.set(identity, { name: amount?.name ?? material, units: toUnits(operand) })
    else if (amount === undefined) missing.add(identity)
    else if (operation === 'remove') amounts.delete(identity)
    else amount.units += operation === 'add' ? toUnits(operand) : -toUnits(operand)
  }
  return missing
}
