import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { Test } from 'tap'
import type { ClientHistory, Send } from '../client-history.ts'
import { type Chance, sized } from '../extent.ts'
import { cleanups, newestFormulas } from '../history/reads.ts'
import { Refusals } from '../history/refusals.ts'
import type { Server } from '../server.ts'
import type { CommitStrategy } from '../stores.ts'
import { formulaOf, load } from './load.ts'

/** How the disk fails; record-writes.c explains the letters. */
interface DiskFault {
  writes?: 'N' | 'I' | 'R' | 'S' | 'H'
  syncs?: 'I' | '1' | 'W'
  /** Only files whose path ends with this; all by default. */
  path?: string
}

const BYTES = 128

/** Switches the disk faults of a recorded process on and off. */
export class Switches {
  readonly #file: number

  /** @param path the file that the process gets as FAULT_CONTROL */
  constructor(t: Test, path: string) {
    this.#file = openSync(path, 'w+')
    t.teardown(() => closeSync(this.#file))
    this.mend()
  }

  set({ writes, syncs, path = '' }: DiskFault): void {
    const bytes = Buffer.alloc(BYTES)
    bytes.write(path, 4)
    // Write the path before the fault begins.
    writeSync(this.#file, bytes, 0, BYTES, 0)
    writeSync(this.#file, `${writes ?? '\0'}${syncs ?? '\0'}`, 0)
  }

  mend(): void {
    writeSync(this.#file, Buffer.alloc(BYTES), 0, BYTES, 0)
  }

  /** How many calls have failed since the fault was set; at most 255. */
  get hits(): number {
    const bytes = Buffer.alloc(BYTES)
    readSync(this.#file, bytes, 0, BYTES, 0)
    return bytes.readUInt8(2)
  }
}

export interface NamedFault extends DiskFault {
  /** Submissions succeed all the same. */
  harmless?: true
  /** The only commit strategy to test; both by default. */
  only?: CommitStrategy
}

interface FailingServiceOptions {
  service: Server
  switches: Switches
  history: ClientHistory
  send: Send
  chance: Chance
  /** The path of its database. */
  database: string
}

/** A service whose disk fails for a while. */
export class FailingService {
  readonly #options: FailingServiceOptions

  constructor(options: FailingServiceOptions) {
    this.#options = options
  }

  /** Lets the disk fail while clients are served, then work again. @returns the violations */
  async fail({ harmless, ...fault }: NamedFault, label: string): Promise<string[]> {
    const violations: string[] = []
    const check = (holds: boolean, promise: string): void => void (holds || violations.push(promise))
    const refusals = new Refusals()
    const send = refusals.through(this.#options.send)
    await this.#serveUntilHit(fault, label, refusals)
    const status = (await this.#options.history.submit(send, `during-${label}`, formulaOf(`during ${label}`)))?.status
    const expected = harmless ? 200 : 503
    check(status === expected, `while it lasts a submission is answered ${status}, not ${expected}`)
    check(!harmless || refusals.refused.length === 0, `refused needlessly: ${refusals.refused}`)
    const read = await send('GET', '/formulas?limit=5')
    check(read.status === 200, `reads fail: ${read.status} ${read.body}`)
    check(this.#options.service.runs(), 'the process has ended')
    this.#options.switches.mend()
    const next = await this.#options.history.submit(send, `after-${label}`, formulaOf(`after ${label}`))
    check(next?.status === 200, `when it is over the next submission is answered ${next?.status} ${next?.body}`)
    await this.#untilCleanedUp()
    const stored = new Set((await newestFormulas(send)).fresh.map(({ name }) => name))
    for (const name of refusals.refused) check(!stored.has(name), `refused and stored: ${name}`)
    violations.push(...refusals.unclean)
    const isReleased = await this.#untilReleased()
    check(isReleased || RELEASE_MS < LONG_MS, 'the events of accepted submissions are not released')
    // Otherwise they are released when the files are opened again, and checked then.
    if (isReleased) violations.push(...(await this.#options.history.judge(send, { whole: false })))
    return violations
  }

  /** Lets the fault begin at a random moment of the load, which continues until the fault has hit a call. */
  async #serveUntilHit(fault: DiskFault, label: string, refusals: Refusals): Promise<void> {
    const send = refusals.through(this.#options.send)
    const begins = this.#options.chance.integer(1, 6)
    let begun = false
    const failing: Send = (...message) => {
      if (!begun && refusals.answered >= begins) {
        begun = true
        this.#options.switches.set(fault)
      }
      return send(...message)
    }
    for (let part = 1; !begun || this.#options.switches.hits === 0; part++) {
      if (part > MOST_PARTS) throw new Error(`The fault ${JSON.stringify(fault)} hits nothing`)
      const options = {
        history: this.#options.history,
        send: failing,
        chance: this.#options.chance,
        clients: 3,
        rounds: 2,
      }
      await load({ ...options, label: `${label}.${part}.` })
    }
  }

  async #untilCleanedUp(): Promise<void> {
    const until = Date.now() + 10_000
    while ((await cleanups(this.#options.send)).length > 0) {
      if (Date.now() > until)
        throw new Error(`A cleanup does not end: ${JSON.stringify(await cleanups(this.#options.send))}`)
    }
  }

  /** Waits until the recovery worker has released all events. @returns false after RELEASE_MS */
  async #untilReleased(): Promise<boolean> {
    const open = new DatabaseSync(this.#options.database, { readOnly: true })
    try {
      const intents = open.prepare('SELECT count(*) AS count FROM intents')
      const until = Date.now() + RELEASE_MS
      while (intents.get()?.count !== 0) {
        if (Date.now() > until) return false
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      return true
    } finally {
      open.close()
    }
  }
}

const LONG_MS = 20_000
/** How long the recovery worker may take to release events; the short run does not wait for it. */
const RELEASE_MS = sized(150, LONG_MS)

/** Enough for the few hundred submissions until a checkpoint. */
const MOST_PARTS = 200
