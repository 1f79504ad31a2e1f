import pg from 'pg'

/** How long the server may take to end a connection, in milliseconds. */
const END_MS = 1_000

/**
 * A client that drops a connection which the server does not end: that of a dead host would stay half open for minutes,
 * until TCP gives up.
 */
export class Client extends pg.Client {
  override end(): Promise<void>
  override end(done: (error: Error) => void): void
  override end(done?: (error: Error) => void): Promise<void> | void {
    setTimeout(() => this.connection.stream.destroy(), END_MS).unref()
    return done === undefined ? super.end() : super.end(done)
  }
}
