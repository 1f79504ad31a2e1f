import { hash } from 'node:crypto'

/**
 * What an answer is kept under: 128 bits of SHA-256 over caller and key, in 32 hex digits. Neither can hold a NUL, so no
 * two pairs give the same text.
 */
export const slotOf = (caller: string, key: string): string => hash('sha256', `${caller}\0${key}`, 'hex').slice(0, 32)
