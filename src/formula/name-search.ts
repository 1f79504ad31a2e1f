import { nameIdentity, WHITE_SPACE } from './identity.ts'

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
  // Skip the surrogates, which are no characters.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1)
}
