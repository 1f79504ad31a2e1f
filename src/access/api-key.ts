import { hash, randomBytes } from 'node:crypto'
import type { Scope } from './scopes.ts'

/** An API key as it is kept: what the caller shows is not among it. */
export interface ApiKey {
  /** Who owns it. Several keys may have one name: they are one caller. */
  readonly name: string
  readonly scopes: readonly Scope[]
  /** Of the secret, in lower-case hex. */
  readonly sha256: string
  readonly createdAt: string
  /** From this moment on the key is unknown, ISO 8601 in UTC; absent where it has no end. */
  readonly expiresAt?: string
}

/** Lets scanners for leaked secrets tell ours. */
const PREFIX = 'ffi_'
/** 256 bits of chance: no digest of a secret leads back to it. */
const SECRET_BYTES = 32
/** How much of a digest tells keys apart when people speak of them. */
const ID_DIGITS = 12

/** A secret that nobody has seen before. */
export const newSecret = (): string => PREFIX + randomBytes(SECRET_BYTES).toString('base64url')

/** @returns SHA-256 in lower-case hex: all that is ever kept of a secret */
export const digestOf = (secret: string): string => hash('sha256', secret, 'hex')

/** What a key is called in lists, logs and commands. */
export const idOf = ({ sha256 }: ApiKey): string => sha256.slice(0, ID_DIGITS)
