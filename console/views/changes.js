import { decimalOf, minus, plus, sumOf, textOf, times, ZERO } from '../decimal.js'
import { metadataOf, nextId } from './draft.js'

/**
 * @typedef {import('../decimal.js').Decimal} Decimal
 * @typedef {import('./draft.js').Material} Material
 * @typedef {'add' | 'subtract' | 'set' | 'remove'} Operation
 * @typedef {{ id: number, material: string, operation: Operation, amount: string }} Change
 * @typedef {{ name: string, changes: Change[], scale: string, notes: import('./draft.js').Note[] }} Derivation
 *
 * A material of the result; `before` is null for a new one. `after` is undefined for one that is removed, and null where
 * an amount is no number or the material is not in the formula.
 * @typedef {{ name: string, before: string | null, after: string | null | undefined }} Outcome
 */

/** @type {[Operation, string][]} */
export const OPERATIONS = [
  ['add', 'add'],
  ['subtract', 'subtract'],
  ['set', 'set to'],
  ['remove', 'remove'],
]

/** @returns {Change} */
export const newChange = () => ({ id: nextId(), material: '', operation: 'add', amount: '' })

/** @param {Change[]} changes */
export function filledChanges(changes) {
  return changes.filter(({ material, amount }) => `${material}${amount}`.trim() !== '')
}

/**
 * The request body of a derivation.
 * @param {Derivation} derivation
 */
export function bodyOfDerivation({ name, changes, scale, notes }) {
  const sent = filledChanges(changes).map(({ material, operation, amount }) => ({
    material,
    [operation]: operation === 'remove' ? true : amount,
  }))
  return {
    name,
    ...((sent.length > 0 || scale.trim() === '') && { changes: sent }),
    ...(scale.trim() !== '' && { scale }),
    ...metadataOf(notes),
  }
}

/**
 * The field of a path in the body of a derivation.
 * @param {string} path
 * @param {Change[]} changes as they were sent
 */
export function fieldOfChange(path, changes) {
  if (path === '/scale') return 'scale'
  const [, index, part] = /^\/changes\/(\d+)(?:\/(\w+))?$/.exec(path) ?? []
  const change = index === undefined ? undefined : changes[Number(index)]
  if (change === undefined) return null
  const isAmount = part !== undefined && part !== 'material' && change.operation !== 'remove'
  return `${isAmount ? 'amount' : 'material'}-${change.id}`
}

/** As the service compares names, but for rare characters: the service has the last word. */
const folded = (/** @type {string} */ name) => name.normalize('NFKC').trim().replace(/\s+/g, ' ').toLowerCase()

/**
 * What a formula becomes: exact, like the service's own result.
 * @param {Material[]} materials
 * @param {Pick<Derivation, 'changes' | 'scale'>} derivation
 * @returns {{ outcomes: Outcome[], before: string, after: string | null }} `after` is null where one is not known
 */
export function preview(materials, { changes, scale }) {
  /** @type {Map<string, { name: string, before: string | null, now: Decimal | null | undefined }>} */
  const parts = new Map(
    materials.map(({ name, concentration }) => [
      folded(name),
      { name, before: concentration, now: decimalOf(concentration) },
    ]),
  )
  for (const { material, operation, amount } of filledChanges(changes)) {
    const part = parts.get(folded(material)) ?? { name: material, before: null, now: undefined }
    part.now = changed(part.now, operation, decimalOf(amount))
    parts.set(folded(material), part)
  }
  const factor = scale.trim() === '' ? { digits: 1n, places: 0 } : decimalOf(scale)
  const results = [...parts.values()].map(({ now, ...part }) => ({ ...part, now: now && factor && times(now, factor) }))
  const isKnown = results.every(({ now }) => now !== null)
  return {
    outcomes: results.map(({ name, before, now }) => ({ name, before, after: now && textOf(now) })),
    before: sumOf(materials.map(({ concentration }) => concentration)),
    after: isKnown ? textOf(results.reduce((sum, { now }) => plus(sum, now ?? ZERO), ZERO)) : null,
  }
}

/**
 * @param {Decimal | null | undefined} now undefined where the formula has no such material, null where it is not known
 * @param {Operation} operation
 * @param {Decimal | null} amount
 */
function changed(now, operation, amount) {
  if (operation === 'remove') return now === undefined ? null : undefined
  if (operation === 'set') return amount
  if (!now || !amount) return null
  return operation === 'add' ? plus(now, amount) : minus(now, amount)
}
