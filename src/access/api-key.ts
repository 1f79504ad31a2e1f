import { hash, randomBytes } from 'node:crypto'
import { SUBSCRIPTION_NAME } from '../stores/ports.ts'

/** A stored API key. It does not contain the secret that callers send. */
export interface ApiKey {
  /** Its owner. Keys with the same name are one caller. */
  readonly name: string
  readonly scopes: readonly KeyScope[]
  /** Digest of the secret, in lower-case hex. */
  readonly sha256: string
  readonly createdAt: string
  /** ISO 8601 in UTC; absent if it never expires. */
  readonly expiresAt?: string
}

/** Lets scanners for leaked secrets recognise ours. */
const PREFIX = 'ffi_'
/** 256 random bits: a secret cannot be found from its digest. */
const SECRET_BYTES = 32
const ID_DIGITS = 12

export const newSecret = (): string => PREFIX + randomBytes(SECRET_BYTES).toString('base64url')

/** @returns SHA-256 in lower-case hex, all that is ever stored of a secret */
export const digestOf = (secret: string): string => hash('sha256', secret, 'hex')

/** The short name of a key in lists, logs and commands. */
export const idOf = ({ sha256 }: ApiKey): string => sha256.slice(0, ID_DIGITS)

/** What routes ask for. `admin` includes all others. */
export const SCOPES = ['submit', 'read', 'consume', 'admin'] as const

export type Scope = (typeof SCOPES)[number]

const FOR_ONE = 'consume:'

/** What a key may hold: `consume:NAME` is `consume` for one subscription. */
export type KeyScope = Scope | `${typeof FOR_ONE}${string}`

/**
 * Asked for `consume`, a key for one subscription is enough: the route checks which one it is used for.
 * @param asked the scope that is required, or a list of which one is enough
 */
export function allows(held: readonly KeyScope[], asked: KeyScope | readonly KeyScope[]): boolean {
  if (held.includes('admin')) return true
  return [asked].flat().some((scope) => held.some((own) => suffices(own, scope)))
}

const suffices = (own: KeyScope, asked: KeyScope): boolean =>
  own === asked || (own === 'consume' && asked.startsWith(FOR_ONE)) || (asked === 'consume' && own.startsWith(FOR_ONE))

/** The subscriptions that a key is limited to; null when it may use all. */
export function subscriptionsOf(held: readonly KeyScope[]): string[] | null {
  if (held.includes('admin') || held.includes('consume')) return null
  return held.filter((scope) => scope.startsWith(FOR_ONE)).map((scope) => scope.slice(FOR_ONE.length))
}

/** How messages describe the scopes of a key. */
export const SCOPES_EXPECTED = `one or more of ${SCOPES.join(', ')}, consume:<subscription>`

export function isKeyScope(text: unknown): text is KeyScope {
  if (SCOPES.includes(text as Scope)) return true
  return typeof text === 'string' && text.startsWith(FOR_ONE) && SUBSCRIPTION_NAME.test(text.slice(FOR_ONE.length))
}
