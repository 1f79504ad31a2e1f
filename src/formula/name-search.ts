import { nameIdentity, WHITE_SPACE } from './identity.ts'

/**
 * What names are searched by: a name begins with a prefix when its search key begins with the prefix's. That of a name is
 * its identity. White space that ends a prefix counts (`iso ` finds `Iso E`, not `Isolde`).
 */
export function searchKey(name: string): string {
  const identity = nameIdentity(name)
  return identity !== '' && WHITE_SPACE.test(name.slice(-1)) ? `${identity} ` : identity
}

/** The least text that sorts behind everything that begins with `prefix`, where code points are compared. */
export function successor(prefix: string): string {
  const points = [...prefix].map((character) => character.codePointAt(0) as number)
  while (points.at(-1) === 0x10ffff) points.pop()
  const last = points.pop()
  if (last === undefined) return '\u{10ffff}'.repeat(4_096)
  // The code points of surrogates stand for no character.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1)
}
