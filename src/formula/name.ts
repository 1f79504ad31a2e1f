import { SIMPLE, WHITE_SPACE } from './identity.ts'

/** Maximum lengths of names after trimming, in code points. */
export const FORMULA_NAME_LENGTH = 200
export const MATERIAL_NAME_LENGTH = 500

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

// No regular expression: for trailing white space it takes quadratic time.
function trim(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && WHITE_SPACE.test(text.charAt(start))) start++
  while (end > start && WHITE_SPACE.test(text.charAt(end - 1))) end--
  return text.slice(start, end)
}
