import { nameIdentity } from './name.ts'

const LEADING_WHITE_SPACE = /^\p{White_Space}+/u

/**
 * What names are searched by: a name begins with a prefix when its search key begins with the prefix's, whatever the
 * case. White space that ends a prefix counts (`iso ` finds `Iso E`, not `Isolde`).
 */
export function searchKey(name: string): string {
  return nameIdentity(LEADING_WHITE_SPACE.test(name) ? name.replace(LEADING_WHITE_SPACE, '') : name)
}
