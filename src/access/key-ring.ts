import { statSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { type Clock, Deadline } from '../kit/clock.ts'
import { reasonOf } from '../kit/reason.ts'
import { type ApiKey, digestOf, idOf } from './api-key.ts'
import { KeyFileRefused, octal, readKeyFile } from './key-file.ts'

/** How often the file is checked for changes, in milliseconds; a revoked key is accepted at most this long. */
const CHECK_MS = 1_000
/** How often a file that could not be read is tried and logged again, in milliseconds. */
const RETRY_MS = 60_000

interface Log {
  info(fields: object, message: string): void
  warn(message: string): void
  error(message: string): void
}

interface HeldKey {
  key: ApiKey
  /** Milliseconds since the epoch; Infinity if it never expires. */
  endsAt: number
}

/** The keys of a file that may change while the service runs. */
export class KeyRing {
  readonly #path: string
  readonly #log: Log
  readonly #audit: Pick<Log, 'info'>
  readonly #clock: Clock
  #stamp: string
  #byDigest: ReadonlyMap<string, HeldKey>
  /** When the file, which could not be read, is tried again; null while the keys in force are those of the file. */
  #retry: Deadline | null = null

  /**
   * @param audit logs each change of the keys
   * @throws {KeyFileRefused} when the file is unusable
   */
  constructor(path: string, { log, audit, clock }: { log: Log; audit: Pick<Log, 'info'>; clock: Clock }) {
    this.#path = path
    this.#log = log
    this.#audit = audit
    this.#clock = clock
    this.#stamp = stampOf(path)
    this.#byDigest = this.#read()
  }

  /** Whether the file could not be read again, so that revoked keys may still be in force. */
  get isStale(): boolean {
    return this.#retry !== null
  }

  /**
   * The lookup is not in constant time. Its timing may reveal a prefix of a stored digest, but not the secret: finding a
   * secret whose SHA-256 has that prefix takes as long as guessing, and even the whole digest does not lead back to 256
   * random bits.
   * @returns the key with this secret; undefined if it is unknown, revoked or expired
   */
  find(secret: string): ApiKey | undefined {
    const held = this.#byDigest.get(digestOf(secret))
    return held !== undefined && this.#isInForce(held) ? held.key : undefined
  }

  /** Reads the file again. A broken file changes nothing, and is logged. */
  reload(): void {
    // Before reading: the next check then sees a change that happens in between.
    this.#stamp = stampOf(this.#path)
    try {
      const before = this.#byDigest
      this.#byDigest = this.#read()
      this.#retry = null
      this.#log.info({}, `API keys were read again; in force: ${this.#inForce()}`)
      const changes = changesBetween(before, this.#byDigest)
      if (Object.values(changes).some((ids) => ids.length > 0)) this.#audit.info(changes, 'API keys were changed')
    } catch (error) {
      this.#retry = new Deadline(this.#clock, RETRY_MS)
      this.#log.error(`API keys were not read again, those read before stay in force: ${reasonOf(error)}`)
    }
  }

  /**
   * Reads the file again whenever it has changed. It polls, because file notifications are not reliable for files that are
   * replaced, mounted into a container or on a network.
   * @returns a function that stops it
   */
  watch(): () => void {
    let cancel = (): void => {}
    const check = (): void => {
      if (stampOf(this.#path) !== this.#stamp || this.#retry?.left === 0) this.reload()
      cancel = this.#clock.after(CHECK_MS, check)
    }
    cancel = this.#clock.after(CHECK_MS, check)
    return () => cancel()
  }

  #isInForce({ endsAt }: HeldKey): boolean {
    return endsAt === Infinity || this.#clock.now() < endsAt
  }

  #inForce(): number {
    return [...this.#byDigest.values()].filter((held) => this.#isInForce(held)).length
  }

  #read(): Map<string, HeldKey> {
    const { keys, mode } = readKeyFile(this.#path)
    // Whoever can write the file can add keys, and may have done so.
    if ((mode & 0o022) !== 0) {
      const problem = `can be written by others than its owner (mode ${octal(mode)}); look through its keys, then: chmod go-w`
      throw new KeyFileRefused(this.#path, problem)
    }
    if ((mode & 0o004) !== 0)
      this.#log.warn(`API keys file ${this.#path}: every user can read it (mode ${octal(mode)})`)
    const endOf = ({ expiresAt }: ApiKey): number => (expiresAt === undefined ? Infinity : Date.parse(expiresAt))
    return new Map(keys.map((key) => [key.sha256, { key, endsAt: endOf(key) }]))
  }
}

/** @returns ids of keys */
function changesBetween(
  before: ReadonlyMap<string, HeldKey>,
  after: ReadonlyMap<string, HeldKey>,
): Record<string, string[]> {
  const idsOf = (held: Iterable<HeldKey>): string[] => Array.from(held, ({ key }) => idOf(key))
  const added = after.values().filter(({ key }) => !before.has(key.sha256))
  const removed = before.values().filter(({ key }) => !after.has(key.sha256))
  const changed = after.values().filter(({ key }) => {
    const old = before.get(key.sha256)
    return old !== undefined && !isDeepStrictEqual(old.key, key)
  })
  return { added: idsOf(added), removed: idsOf(removed), changed: idsOf(changed) }
}

/** @returns a text that is different once the file has been changed or replaced */
function stampOf(path: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true })
    return [ino, size, mtimeNs, ctimeNs].join()
  } catch (error) {
    return reasonOf(error)
  }
}
