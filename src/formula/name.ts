import { CASE_FOLDING, UNASSIGNED } from './unicode-16.ts'

/** Most code points a name may have after trimming. */
export const NAME_LENGTH = 200

const CONTROL = /\p{Cc}/u
const PLAIN = /^[\x20-\x7e]*$/
const WHITE_SPACE_RUN = /\p{White_Space}+/gu

const folded = new Map(
  CASE_FOLDING.map((pair) => {
    const from = String.fromCodePoint(pair.codePointAt(0) as number)
    return [from, pair.slice(from.length)]
  }),
)

/**
 * Trims a name of Unicode white space and checks it.
 * @returns the name in the spelling it is stored in, or null unless it has 1–200 code points after trimming, is
 *   well-formed Unicode and free of control characters
 */
export function checkName(text: string): string | null {
  const name = trim(text)
  if (name.length === 0 || name.length > NAME_LENGTH * 2 || !name.isWellFormed() || CONTROL.test(name)) return null
  if (name.length > NAME_LENGTH && [...name].length > NAME_LENGTH) return null
  return name
}

/**
 * What a checked name is compared by: NFKC, full case folding, NFKC again, each run of white space one space.
 * Fixed at Unicode 16: a code point that Unicode 16 has not assigned stays as it is and is never normalised together
 * with its neighbours, so a newer Node.js computes the same identity.
 */
export function nameIdentity(name: string): string {
  if (PLAIN.test(name)) return collapse(name.toLowerCase())
  return collapse(normalise(fold(normalise(name))))
}

const collapse = (text: string): string => text.replace(WHITE_SPACE_RUN, ' ')

function normalise(text: string): string {
  if (!UNASSIGNED.test(text)) return text.normalize('NFKC')
  return text
    .split(UNASSIGNED)
    .map((part, index) => (index % 2 === 0 ? part.normalize('NFKC') : part))
    .join('')
}

function fold(text: string): string {
  let result = ''
  for (const character of text) result += folded.get(character) ?? character
  return result
}

// Walks in from both ends: a regular expression for the trailing white space would take quadratic time.
function trim(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isWhiteSpace(text.charCodeAt(start))) start++
  while (end > start && isWhiteSpace(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

/** \p{White_Space}, all of which lies in the basic plane. */
function isWhiteSpace(code: number): boolean {
  if (code < 0x80) return code === 0x20 || (code >= 0x09 && code <= 0x0d)
  return (
    code === 0x85 ||
    code === 0xa0 ||
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000
  )
}
