import { hash } from 'node:crypto'
import { CASE_FOLDING, IGNORABLE, MARKS, UNASSIGNED } from './unicode-16.ts'

/** `\p{White_Space}` of Unicode 16, all of it in the basic multilingual plane. */
const WHITE_SPACE = /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/
/** ASCII words separated by single spaces, as most names are. Their identity is their lower case. */
const SIMPLE = /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/
/** Printable ASCII. */
const PLAIN = /^[\x20-\x7e]*$/
const CONTROL = /\p{Cc}/u

/** The rules of `checkName` as a regular expression (flag `u`), for the OpenAPI document. */
export function namePattern(maxLength: number): string {
  const space = WHITE_SPACE.source.slice(1, -1)
  const never = '\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff'
  const [edge, inner] = [`[^${space}${never}]`, `[^${never}]`]
  return `^[${space}]*${edge}(?:${inner}{0,${maxLength - 2}}${edge})?[${space}]*$`
}

/**
 * Trims a name of Unicode white space and checks its form. `checkedIdentity` checks its identity.
 * @returns the name as it is stored, or null unless it has 1 to `maxLength` code points after trimming, is well-formed
 *   Unicode and has no control characters
 */
export function checkName(text: string, maxLength: number): string | null {
  if (text.length <= maxLength && SIMPLE.test(text)) return text
  const name = trim(text)
  if (name.length === 0 || name.length > maxLength * 2 || !name.isWellFormed() || CONTROL.test(name)) return null
  if (name.length > maxLength && [...name].length > maxLength) return null
  return name
}

/** Whether a value is well-formed Unicode of at most `maxLength` code points without control characters; it may be empty. */
export const isText = (value: unknown, maxLength: number): value is string =>
  typeof value === 'string' &&
  value.length <= maxLength * 2 &&
  value.isWellFormed() &&
  !CONTROL.test(value) &&
  codePoints(value) <= maxLength

// No regular expression: for trailing white space it takes quadratic time.
function trim(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && WHITE_SPACE.test(text.charAt(start))) start++
  while (end > start && WHITE_SPACE.test(text.charAt(end - 1))) end--
  return text.slice(start, end)
}

/** White space other than a single space. */
const WHITE_SPACE_RUN = new RegExp(`${WHITE_SPACE.source}{2,}|${WHITE_SPACE.source.replace(' ', '')}`, 'g')
const TRADE_MARKS = '®™©℠'
const DASHES = '\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe31\ufe32\u207b\u208b'
const APOSTROPHES = '\u2018\u2019\u02bc'
const DASH = new RegExp(`[${DASHES}]`, 'g')
const APOSTROPHE = new RegExp(`[${APOSTROPHES}]`, 'g')

/** Up to this length, in code points, the ratio of a name to its identity is not limited. */
const ALWAYS_ALLOWED = 40
/** Maximum ratio between the lengths of a name and its identity, in either direction. */
const MAX_RATIO = 4
/** Limit of consecutive marks, as in Unicode's stream-safe text format: normalisation sorts them in quadratic time. */
const MAX_MARKS = 30

/**
 * The form in which names are compared. In this order: invisible characters and trade mark signs are dropped; NFKC; dashes
 * become `-`, apostrophes `'`; full case folding; NFKC; dropping and replacing once more; runs of white space become one
 * space; trimming.
 * Fixed at Unicode 16: code points that are not assigned there stay unchanged and are never normalised together with their
 * neighbours, so that a newer Node.js computes the same identity.
 */
export function nameIdentity(name: string): string {
  if (SIMPLE.test(name)) return name.toLowerCase()
  if (PLAIN.test(name)) return collapse(name.toLowerCase())
  const traits = traitsOf(name)
  return foldAndCollapse(dropAndNormalise(name, traits), traits)
}

/**
 * The identity of a checked name, in time linear in its length.
 * @returns null when it is empty, or too long or too short compared with the name, or the name has too many marks in a row
 */
export function checkedIdentity(name: string): string | null {
  if (SIMPLE.test(name)) return name.toLowerCase()
  const traits = traitsOf(name)
  if (traits & TOO_MANY_MARKS) return null
  const length = codePoints(name)
  const most = Math.max(ALWAYS_ALLOWED, length * MAX_RATIO)
  const normal = dropAndNormalise(name, traits)
  // The remaining steps remove at most as many code points as the name has.
  if (normal.length > most + length && codePoints(normal) > most + length) return null
  const identity = foldAndCollapse(normal, traits)
  const identityLength = codePoints(identity)
  if (identityLength === 0 || identityLength > most) return null
  return length > ALWAYS_ALLOWED && identityLength * MAX_RATIO < length ? null : identity
}

/** Whether a checked name has a valid identity. */
export const isComparable = (name: string): boolean => SIMPLE.test(name) || checkedIdentity(name) !== null

const dropAndNormalise = (name: string, traits: number): string =>
  normalise(traits & DROPPED ? name.replace(DROPPED_RUN, '') : name, traits)

function foldAndCollapse(normal: string, traits: number): string {
  const folded = fold(normal)
  const again = folded === normal ? normal : normalise(folded, traits)
  return collapse(traitsOf(again) & (DROPPED | SIGN) ? dropAndReplace(again) : again)
}

const dropAndReplace = (text: string): string =>
  text.replace(DROPPED_RUN, '').replace(DASH, '-').replace(APOSTROPHE, "'")

function collapse(text: string): string {
  const collapsed = text.replace(WHITE_SPACE_RUN, ' ')
  return collapsed.slice(collapsed.startsWith(' ') ? 1 : 0, collapsed.endsWith(' ') ? -1 : undefined)
}

function normalise(text: string, traits: number): string {
  if (!(traits & UNKNOWN)) return text.normalize('NFKC')
  return text
    .split(UNKNOWN_RUN)
    .map((part, index) => (index % 2 === 0 ? part.normalize('NFKC') : part))
    .join('')
}

/** The number of code points of a well-formed text. */
function codePoints(text: string): number {
  let count = text.length
  for (let index = 0; index < text.length; index++) if ((text.charCodeAt(index) & 0xfc00) === 0xd800) count--
  return count
}

// Bit flags of a code point, or of a text that contains such a code point.
/** Invisible, or a trade mark sign. */
const DROPPED = 1
/** A dash or an apostrophe. */
const SIGN = 2
/** Not assigned in Unicode 16. */
const UNKNOWN = 4
const MARK = 8
const TOO_MANY_MARKS = 16

const DROPPED_RUN = new RegExp(`[${characterClass(IGNORABLE)}${TRADE_MARKS}]+`, 'gu')
/** A capture group, so that `split` keeps the separators. */
const UNKNOWN_RUN = new RegExp(`([${characterClass(UNASSIGNED)}]+)`, 'u')

/** @param bounds first and last code points of ranges */
function characterClass(bounds: readonly number[]): string {
  const characters = bounds.map((point) => String.fromCodePoint(point))
  return characters.map((character, index) => (index % 2 === 0 ? character : `-${character}`)).join('')
}

/** A lookup table of traits by code point: regular expressions with as many ranges are much slower. */
const TRAITS = traits()

function traits(): Uint8Array {
  const all = new Uint8Array(0x110000)
  const mark = (trait: number, bounds: readonly number[]): void => {
    for (let index = 0; index < bounds.length; index += 2) {
      for (let point = bounds[index] as number; point <= (bounds[index + 1] as number); point++) {
        all[point] = (all[point] as number) | trait
      }
    }
  }
  const each = (characters: string): number[] => [...characters].flatMap((c) => Array(2).fill(c.codePointAt(0)))
  mark(UNKNOWN, UNASSIGNED)
  mark(DROPPED, [...IGNORABLE, ...each(TRADE_MARKS)])
  mark(SIGN, each(DASHES + APOSTROPHES))
  // Japanese half-width sound marks are letters that NFKC turns into marks.
  mark(MARK, [...MARKS, ...each('\uff9e\uff9f')])
  return all
}

function traitsOf(text: string): number {
  let found = 0
  let marks = 0
  for (let index = 0; index < text.length; index++) {
    const point = text.codePointAt(index) as number
    if (point > 0xffff) index++
    const traits = TRAITS[point] as number
    found |= traits
    if (traits & DROPPED) continue
    marks = traits & MARK ? marks + 1 : 0
    if (marks > MAX_MARKS) found |= TOO_MANY_MARKS
  }
  return found
}

const folded = new Map(
  CASE_FOLDING.map((pair) => {
    const point = pair.codePointAt(0) as number
    return [point, pair.slice(point > 0xffff ? 2 : 1)]
  }),
)

/** The folding of each code unit, including dashes and apostrophes; 0 means: look it up in `folded`. */
const FOLDED_UNITS = foldedUnits()

function foldedUnits(): Uint16Array {
  const units = Uint16Array.from({ length: 0x10000 }, (_, unit) => unit)
  for (const [point, to] of folded) {
    if (point > 0xffff) units[String.fromCodePoint(point).charCodeAt(0)] = 0
    else units[point] = to.length === 1 ? to.charCodeAt(0) : 0
  }
  for (const dash of DASHES) units[dash.charCodeAt(0)] = '-'.charCodeAt(0)
  for (const apostrophe of APOSTROPHES) units[apostrophe.charCodeAt(0)] = "'".charCodeAt(0)
  return units
}

/** Maximum number of code units that one folds to. */
const MAX_FOLDED = 3

// Works on code units: a lookup and a string per character would be ten times slower.
function fold(text: string): string {
  const units = new Uint16Array(text.length * MAX_FOLDED)
  let length = 0
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    const single = FOLDED_UNITS[unit] as number
    if (single !== 0) {
      units[length++] = single
      continue
    }
    const point = text.codePointAt(index) as number
    const to = folded.get(point) ?? String.fromCodePoint(point)
    for (let at = 0; at < to.length; at++) units[length++] = to.charCodeAt(at)
    if (point > 0xffff) index++
  }
  return Buffer.from(units.buffer, 0, length * 2).toString('utf16le')
}

/** Part of the hashed text: any change of the canonical form needs a new tag. */
const VERSION = 'fragrance-formula/2'

export const FINGERPRINT = /^[0-9a-f]{64}$/

export const isFingerprint = (text: string): boolean => FINGERPRINT.test(text)

/**
 * The fingerprint of a composition, independent of the order of its materials: the hash of the version tag and of one line
 * `identity TAB concentration` for each material, sorted by UTF-16 code units and joined by line feeds.
 * @param materials pairs of a name's identity (see `nameIdentity`) and a canonical concentration
 * @returns SHA-256 in lower-case hex
 */
export function fingerprint(materials: Iterable<readonly [identity: string, concentration: string]>): string {
  const lines: string[] = []
  for (const [identity, concentration] of materials) lines.push(`${identity}\t${concentration}`)
  if (lines.length > INSERTION_SORT_MAX) lines.sort()
  else insertionSort(lines)
  return hash('sha256', `${VERSION}\n${lines.join('\n')}`, 'hex')
}

/** Up to this number of lines `insertionSort` beats `Array.sort`, which allocates a kilobyte per call. */
const INSERTION_SORT_MAX = 16

function insertionSort(lines: string[]): void {
  for (let next = 1; next < lines.length; next++) {
    const line = lines[next] as string
    let at = next
    for (; at > 0 && (lines[at - 1] as string) > line; at--) lines[at] = lines[at - 1] as string
    lines[at] = line
  }
}

/**
 * The search key of a name or a prefix: its identity. A name matches a prefix when its search key begins with that of the
 * prefix. Trailing white space of a prefix counts: `iso ` finds `Iso E`, not `Isolde`.
 */
export function searchKey(name: string): string {
  const identity = nameIdentity(name)
  return identity !== '' && WHITE_SPACE.test(name.slice(-1)) ? `${identity} ` : identity
}

/** The smallest text, in order of code points, that is greater than all texts that begin with `prefix`. */
export function successor(prefix: string): string {
  const points = [...prefix].map((character) => character.codePointAt(0) as number)
  while (points.at(-1) === 0x10ffff) points.pop()
  const last = points.pop()
  if (last === undefined) return '\u{10ffff}'.repeat(4_096)
  // Skip the surrogates: they are not characters.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1)
}
