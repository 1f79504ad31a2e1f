import { statSync } from 'node:fs'
import type { Clock } from '../clock.ts'
import { reasonOf } from '../errors/reason.ts'
import { type ApiKey, digestOf } from './api-key.ts'
import { readKeyFile } from './key-file.ts'

/** How often the file is looked at, in milliseconds: a revoked key is refused this much later at most. */
const LOOK_MS = 1_000

interface Log {
  info(message: string): void
  error(message: string): void
}

/** The keys of a file, which may change while the service runs. */
export class KeyRing {
  readonly #path: string
  readonly #log: Log
  #seen: string
  #byDigest: ReadonlyMap<string, ApiKey>

  /** @throws {KeyFileRefused} when the file cannot be taken as it is */
  constructor(path: string, log: Log) {
    this.#path = path
    this.#log = log
    this.#seen = stampOf(path)
    this.#byDigest = byDigest(readKeyFile(path))
  }

  /**
   * How long this takes may tell how much of a digest is like one that is kept, and that tells nothing of the secret:
   * to come nearer to a digest one has to try secrets until the SHA-256 of one begins so, which takes as long as
   * guessing, and not even the whole digest leads back to 256 random bits. So there is nothing to hide by comparing
   * each key in constant time, which would take longer the more keys there are.
   * @returns the key with this secret; undefined for one that was never given out or has been revoked
   */
  find(secret: string): ApiKey | undefined {
    return this.#byDigest.get(digestOf(secret))
  }

  /** Reads the file again. One that is broken changes nothing, and the log says so. */
  reload(): void {
    // Looked at before it is read: a change in between is seen the next time.
    this.#seen = stampOf(this.#path)
    try {
      this.#byDigest = byDigest(readKeyFile(this.#path))
      this.#log.info(`API keys were read again; in force: ${this.#byDigest.size}`)
    } catch (error) {
      this.#log.error(`API keys were not read again, those read before stay in force: ${reasonOf(error)}`)
    }
  }

  /**
   * Reads the file again whenever it has changed. It looks from time to time: the system's notices do not come for every
   * file that is replaced, mounted into a container or reached across a network.
   * @returns what ends it
   */
  watch(clock: Clock): () => void {
    let cancel = (): void => {}
    const look = (): void => {
      if (stampOf(this.#path) !== this.#seen) this.reload()
      cancel = clock.after(LOOK_MS, look)
    }
    cancel = clock.after(LOOK_MS, look)
    return () => cancel()
  }
}

const byDigest = (keys: ApiKey[]): Map<string, ApiKey> => new Map(keys.map((key) => [key.sha256, key]))

/** Differs once a file has been changed or replaced. */
function stampOf(path: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true })
    return [ino, size, mtimeNs, ctimeNs].join()
  } catch (error) {
    return reasonOf(error)
  }
}
