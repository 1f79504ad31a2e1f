import { CASE_FOLDING, UNASSIGNED } from './unicode-16.ts'

/** Most code points a name may have after trimming. */
export const NAME_LENGTH = 200

const CONTROL = /\p{Cc}/u
const PLAIN = /^[\x20-\x7e]*$/
/** What most names are: words of ASCII, a single space between them. Nothing of them is trimmed or folded together. */
const SIMPLE = /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/
// \p{White_Space} as Unicode 16 has it, all of which lies in the basic plane.
const WHITE_SPACE = /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/
const WHITE_SPACE_RUN = new RegExp(`${WHITE_SPACE.source}+`, 'g')

/**
 * What `checkName` takes as one regular expression (flag `u`), to be told to others: a character that is no white space
 * at either end of at most 200, none of them a control character or half a surrogate pair.
 */
export const NAME_PATTERN = namePattern()

function namePattern(): string {
  const space = WHITE_SPACE.source.slice(1, -1)
  const never = '\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff'
  const [edge, inner] = [`[^${space}${never}]`, `[^${never}]`]
  return `^[${space}]*${edge}(?:${inner}{0,${NAME_LENGTH - 2}}${edge})?[${space}]*$`
}

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
  if (text.length <= NAME_LENGTH && SIMPLE.test(text)) return text
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
  if (SIMPLE.test(name)) return name.toLowerCase()
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
  while (start < end && WHITE_SPACE.test(text.charAt(start))) start++
  while (end > start && WHITE_SPACE.test(text.charAt(end - 1))) end--
  return text.slice(start, end)
}
