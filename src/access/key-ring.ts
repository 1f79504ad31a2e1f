import { statSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../kit/clock.ts'
import { reasonOf } from '../kit/reason.ts'
import { type ApiKey, digestOf, idOf } from './api-key.ts'
import { KeyFileRefused, octal, readKeyFile } from './key-file.ts'

/** How often the file is looked at, in milliseconds: a revoked key is refused this much later at most. */
const LOOK_MS = 1_000
/** How often a file that cannot be taken is tried and complained of again, in milliseconds. */
const COMPLAIN_MS = 60_000

interface Log {
  info(fields: object, message: string): void
  warn(message: string): void
  error(message: string): void
}

/** A key and when it ends, in milliseconds since the epoch. */
interface Held {
  key: ApiKey
  endsAt: number
}

/** The keys of a file, which may change while the service runs. */
export class KeyRing {
  readonly #path: string
  readonly #log: Log
  readonly #audit: Pick<Log, 'info'>
  readonly #clock: Clock
  #seen: string
  #byDigest: ReadonlyMap<string, Held>
  /** When it was last complained of the file; null while the keys in force are those of the file. */
  #complainedAt: number | null = null

  /**
   * @param audit told of each change of the keys
   * @throws {KeyFileRefused} when the file cannot be taken as it is
   */
  constructor(path: string, { log, audit, clock }: { log: Log; audit: Pick<Log, 'info'>; clock: Clock }) {
    this.#path = path
    this.#log = log
    this.#audit = audit
    this.#clock = clock
    this.#seen = stampOf(path)
    this.#byDigest = this.#read()
  }

  /** Whether the file could not be read again, so that keys revoked in it may still be in force. */
  get isStale(): boolean {
    return this.#complainedAt !== null
  }

  /**
   * How long this takes may tell how much of a digest is like one that is kept, and that tells nothing of the secret:
   * to come nearer to a digest one has to try secrets until the SHA-256 of one begins so, which takes as long as
   * guessing, and not even the whole digest leads back to 256 random bits. So there is nothing to hide by comparing
   * each key in constant time, which would take longer the more keys there are.
   * @returns the key with this secret; undefined for one that was never given out, has been revoked or has ended
   */
  find(secret: string): ApiKey | undefined {
    const held = this.#byDigest.get(digestOf(secret))
    return held !== undefined && this.#isInForce(held) ? held.key : undefined
  }

  /** Reads the file again. One that is broken changes nothing, and the log says so. */
  reload(): void {
    // Looked at before it is read: a change in between is seen the next time.
    this.#seen = stampOf(this.#path)
    try {
      const before = this.#byDigest
      this.#byDigest = this.#read()
      this.#complainedAt = null
      this.#log.info({}, `API keys were read again; in force: ${this.#inForce()}`)
      const changes = changesBetween(before, this.#byDigest)
      if (Object.values(changes).some((ids) => ids.length > 0)) this.#audit.info(changes, 'API keys were changed')
    } catch (error) {
      this.#complainedAt = this.#clock.now()
      this.#log.error(`API keys were not read again, those read before stay in force: ${reasonOf(error)}`)
    }
  }

  /**
   * Reads the file again whenever it has changed. It looks from time to time: the system's notices do not come for every
   * file that is replaced, mounted into a container or reached across a network.
   * @returns what ends it
   */
  watch(): () => void {
    let cancel = (): void => {}
    const look = (): void => {
      if (stampOf(this.#path) !== this.#seen || this.#isDue()) this.reload()
      cancel = this.#clock.after(LOOK_MS, look)
    }
    cancel = this.#clock.after(LOOK_MS, look)
    return () => cancel()
  }

  #isDue(): boolean {
    return this.#complainedAt !== null && this.#clock.now() - this.#complainedAt >= COMPLAIN_MS
  }

  #isInForce({ endsAt }: Held): boolean {
    return endsAt === Infinity || this.#clock.now() < endsAt
  }

  #inForce(): number {
    return [...this.#byDigest.values()].filter((held) => this.#isInForce(held)).length
  }

  #read(): Map<string, Held> {
    const { keys, mode } = readKeyFile(this.#path)
    // Whoever can write it can let anyone in, and what was written may be theirs already.
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

/** The ids of keys that differ. */
function changesBetween(before: ReadonlyMap<string, Held>, after: ReadonlyMap<string, Held>): Record<string, string[]> {
  const idsOf = (held: Iterable<Held>): string[] => Array.from(held, ({ key }) => idOf(key))
  const added = after.values().filter(({ key }) => !before.has(key.sha256))
  const removed = before.values().filter(({ key }) => !after.has(key.sha256))
  const changed = after.values().filter(({ key }) => {
    const old = before.get(key.sha256)
    return old !== undefined && !isDeepStrictEqual(old.key, key)
  })
  return { added: idsOf(added), removed: idsOf(removed), changed: idsOf(changed) }
}

/** Differs once a file has been changed or replaced. */
function stampOf(path: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true })
    return [ino, size, mtimeNs, ctimeNs].join()
  } catch (error) {
    return reasonOf(error)
  }
}
