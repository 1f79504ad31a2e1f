/** A store could not do what was asked. Whether it took effect is unknown: look it up, never assume. */
export class StoreUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreUnavailable'
  }
}

/** A store must not be opened as it is; the message is one line for whoever starts the service. */
export class StoreRefused extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'StoreRefused'
  }
}

/** How a refusal goes on that is about a store of fingerprint version 1: every formula in it would be taken in again. */
export const OLD_FINGERPRINTS =
  'was written by a version whose fingerprints differ: export its formulas with that version, and import them into a new store'
