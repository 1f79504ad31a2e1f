import { hash } from 'node:crypto'

/** Stands inside the hashed text: another way of canonicalising needs another tag. */
const VERSION = 'fragrance-formula/2'

/** What a fingerprint looks like. */
export const FINGERPRINT = /^[0-9a-f]{64}$/

/** Whether a text has the form of a fingerprint. */
export const isFingerprint = (text: string): boolean => FINGERPRINT.test(text)

/**
 * The fingerprint of a composition, whatever the order of its materials: the hash of the version tag and one line
 * `identity TAB concentration` for each material, in the order of their UTF-16 code units, joined by line feeds.
 * @param materials pairs of identity name (see `nameIdentity`) and canonical concentration
 * @returns SHA-256 in lower-case hex
 */
export function fingerprint(materials: Iterable<readonly [identity: string, concentration: string]>): string {
  const lines: string[] = []
  for (const [identity, concentration] of materials) lines.push(`${identity}\t${concentration}`)
  return hash('sha256', `${VERSION}\n${lines.sort().join('\n')}`, 'hex')
}
