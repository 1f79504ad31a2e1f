/** A store must not be opened as it is; the message is one line for whoever starts the service. */
export class StoreRefused extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'StoreRefused'
  }
}
