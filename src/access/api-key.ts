import { hash, randomBytes } from 'node:crypto'

/** A stored API key. It does not contain the secret that callers send. */
export interface ApiKey {
  /** Its owner. Keys with the same name are one caller. */
  readonly name: string
  readonly scopes: readonly Scope[]
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

/** `admin` includes all others. */
export const SCOPES = ['submit', 'read', 'consume', 'admin'] as const

export type Scope = (typeof SCOPES)[number]

/** @param asked the scope that is required, or a list of which one is enough */
export function allows(held: readonly Scope[], asked: Scope | readonly Scope[]): boolean {
  if (held.includes('admin')) return true
  return typeof asked === 'string' ? held.includes(asked) : asked.some((scope) => held.includes(scope))
}

export const isScope = (text: unknown): text is Scope => SCOPES.includes(text as Scope)
