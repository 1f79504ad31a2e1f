import { SIMPLE, WHITE_SPACE } from './identity.ts'

/** Most code points that names may have after trimming. */
export const FORMULA_NAME_LENGTH = 200
export const MATERIAL_NAME_LENGTH = 500

const CONTROL = /\p{Cc}/u

/**
 * What `checkName` takes as a regular expression (flag `u`), to be told to others: a character that is no white space
 * at either end of at most `most`, none of them a control character or half a surrogate pair.
 */
export function namePattern(most: number): string {
  const space = WHITE_SPACE.source.slice(1, -1)
  const never = '\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff'
  const [edge, inner] = [`[^${space}${never}]`, `[^${never}]`]
  return `^[${space}]*${edge}(?:${inner}{0,${most - 2}}${edge})?[${space}]*$`
}

/**
 * Trims a name of Unicode white space and checks its form; whether it has an identity says `checkedIdentity`.
 * @returns the name in the spelling it is stored in, or null unless it has 1 to `most` code points after trimming, is
 *   well-formed Unicode and free of control characters
 */
export function checkName(text: string, most: number): string | null {
  if (text.length <= most && SIMPLE.test(text)) return text
  const name = trim(text)
  if (name.length === 0 || name.length > most * 2 || !name.isWellFormed() || CONTROL.test(name)) return null
  if (name.length > most && [...name].length > most) return null
  return name
}

// Walks in from both ends: a regular expression for the trailing white space would take quadratic time.
function trim(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && WHITE_SPACE.test(text.charAt(start))) start++
  while (end > start && WHITE_SPACE.test(text.charAt(end - 1))) end--
  return text.slice(start, end)
}
