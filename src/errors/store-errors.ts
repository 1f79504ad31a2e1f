/** A store call failed. Whether it took effect is unknown: look it up. */
export class StoreUnavailable extends Error {
  override name = 'StoreUnavailable'
}

/** A store must not be opened in its present state. The message is one line for the operator. */
export class StoreRefused extends Error {
  override name = 'StoreRefused'
}

/** Another process of the service has locked the store. */
export class StoreInUse extends StoreRefused {}

/** There is no subscription of this name. */
export class UnknownSubscription extends Error {
  override name = 'UnknownSubscription'
  readonly subscription: string

  constructor(subscription: string) {
    super(`There is no subscription ${subscription}`)
    this.subscription = subscription
  }
}

/** The end of a refusal's message for a store of an earlier version, which cannot be migrated. */
export const EARLIER_VERSION =
  'is of an earlier version: run `npm run export` of that version, and import its formulas into a new store'
