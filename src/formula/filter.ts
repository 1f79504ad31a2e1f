import type { FormulaDocument } from './formula.ts'
import { nameIdentity } from './identity.ts'

/** What documents are asked for, in the form in which they are compared. Plain data, so that a worker can be sent it. */
export interface FormulaFilter {
  /** All of them occur in the name or in materials; see `foldName`. */
  words?: string[]
  /** The identity of one of the materials. */
  material?: string
  submittedBy?: string
  /** The id of the formula that it was derived from. */
  derivedFrom?: string
  /** The earliest acceptance, in milliseconds since the epoch. */
  from?: number
  /** Later than the latest acceptance, in milliseconds since the epoch. */
  to?: number
}

/** What a caller asks for: `q` are words, `material` a whole name. */
export interface FilterFields extends Pick<FormulaFilter, 'submittedBy' | 'derivedFrom' | 'from' | 'to'> {
  q?: string | undefined
  material?: string | undefined
}

/** @returns null when nothing is asked for; two callers that ask for the same get equal filters, with equal JSON */
export function toFilter({ q = '', material, submittedBy, derivedFrom, from, to }: FilterFields): FormulaFilter | null {
  const words = [...new Set(foldName(q).split(' '))].filter((word) => word !== '').sort()
  const filter: FormulaFilter = {
    ...(words.length > 0 && { words }),
    ...(material !== undefined && { material: nameIdentity(material) }),
    ...(submittedBy !== undefined && { submittedBy }),
    ...(derivedFrom !== undefined && { derivedFrom }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  }
  return Object.keys(filter).length === 0 ? null : filter
}

/** The identity of a name without its accents. */
const foldName = (name: string): string =>
  nameIdentity(name)
    .normalize('NFD')
    .replace(/\p{M}+/gu, '')

/** Most names to remember. */
const MAX_KNOWN = 4_096

/** Remembers results: a few hundred materials make up most formulas. */
function remembering(compute: (name: string) => string): (name: string) => string {
  const known = new Map<string, string>()
  return (name) => {
    let result = known.get(name)
    if (result === undefined) {
      result = compute(name)
      if (known.size === MAX_KNOWN) known.clear()
      known.set(name, result)
    }
    return result
  }
}

const materialIdentity = remembering(nameIdentity)
const foldMaterial = remembering(foldName)

/** @returns whether a document is what is asked for */
export function toPredicate(filter: FormulaFilter): (document: string) => boolean {
  const { words = [], material, submittedBy, derivedFrom, from = -Infinity, to = Infinity } = filter
  return (document) => {
    const formula: FormulaDocument = JSON.parse(document)
    // The cheap comparisons come first.
    if (submittedBy !== undefined && formula.submittedBy !== submittedBy) return false
    if (derivedFrom !== undefined && formula.derivedFrom !== derivedFrom) return false
    const at = Date.parse(formula.createdAt)
    if (at < from || at >= to) return false
    if (material !== undefined && !formula.materials.some(({ name }) => materialIdentity(name) === material))
      return false
    return words.length === 0 || hasWords(formula, words)
  }
}

function hasWords({ name, materials }: FormulaDocument, words: string[]): boolean {
  const texts = [foldName(name), ...materials.map((material) => foldMaterial(material.name))]
  return words.every((word) => texts.some((text) => text.includes(word)))
}
