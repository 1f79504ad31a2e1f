import { DatabaseSync } from 'node:sqlite'
import { type Chance, sized } from '../extent.ts'
import { cleanups, newestFormulas } from '../ledger/world.ts'
import type { Ledger, Send } from '../ledger.ts'
import type { Way } from './judge.ts'
import { formulaOf, load } from './load.ts'
import type { RecordedService } from './recorder.ts'
import { Refusals } from './refusals.ts'
import type { DiskFault, Switches } from './switches.ts'

export interface NamedFault extends DiskFault {
  /** Whether submissions succeed all the same. */
  harmless?: true
  /** In both ways when not given. */
  only?: Way
}

export interface Bench {
  service: RecordedService
  switches: Switches
  ledger: Ledger
  send: Send
  chance: Chance
  /** The path of its database. */
  database: string
}

/** A service whose disk fails now and then. */
export class Patient {
  readonly #bench: Bench

  constructor(bench: Bench) {
    this.#bench = bench
  }

  /** A fault begins while clients are served, and ends. @returns what is broken of the promise */
  async suffer({ harmless, ...fault }: NamedFault, label: string): Promise<string[]> {
    const violations: string[] = []
    const check = (holds: boolean, promise: string): void => void (holds || violations.push(promise))
    const refusals = new Refusals()
    const send = refusals.through(this.#bench.send)
    await this.#serveUntilHit(fault, label, refusals)
    const status = (await this.#bench.ledger.submit(send, `during-${label}`, formulaOf(`during ${label}`)))?.status
    const expected = harmless ? 200 : 503
    check(status === expected, `while it lasts a submission is answered ${status}, not ${expected}`)
    check(!harmless || refusals.refused.length === 0, `refused without need: ${refusals.refused}`)
    const read = await send('GET', '/formulas?limit=5')
    check(read.status === 200, `reads do not go on: ${read.status} ${read.body}`)
    check(!this.#bench.service.ended(), 'the process has ended')
    this.#bench.switches.mend()
    const next = await this.#bench.ledger.submit(send, `after-${label}`, formulaOf(`after ${label}`))
    check(next?.status === 200, `when it is over the next submission is answered ${next?.status} ${next?.body}`)
    await this.#untilCleanedUp()
    const stored = new Set((await newestFormulas(send)).fresh.map(({ name }) => name))
    for (const name of refusals.refused) check(!stored.has(name), `refused and stored: ${name}`)
    violations.push(...refusals.unclean)
    const isReleased = await this.#untilReleased()
    check(isReleased || RELEASE_MS < LONG_MS, 'the events of accepted submissions are not released')
    // What is not released here is when the files are opened again, and judged then.
    if (isReleased) violations.push(...(await this.#bench.ledger.judge(send, { whole: false })))
    return violations
  }

  /** The fault begins at some moment of the load, which goes on until the fault has hit something. */
  async #serveUntilHit(fault: DiskFault, label: string, refusals: Refusals): Promise<void> {
    const send = refusals.through(this.#bench.send)
    const begins = this.#bench.chance.integer(1, 6)
    let begun = false
    const failing: Send = (...message) => {
      if (!begun && refusals.answered >= begins) {
        begun = true
        this.#bench.switches.set(fault)
      }
      return send(...message)
    }
    for (let part = 1; !begun || this.#bench.switches.hits === 0; part++) {
      if (part > MOST_PARTS) throw new Error(`The fault ${JSON.stringify(fault)} hits nothing`)
      const options = { ledger: this.#bench.ledger, send: failing, chance: this.#bench.chance, clients: 3, rounds: 2 }
      await load({ ...options, label: `${label}.${part}.` })
    }
  }

  async #untilCleanedUp(): Promise<void> {
    const until = Date.now() + 10_000
    while ((await cleanups(this.#bench.send)).length > 0) {
      if (Date.now() > until)
        throw new Error(`A cleanup does not end: ${JSON.stringify(await cleanups(this.#bench.send))}`)
    }
  }

  /** Until the background has released the events that could not be released at once. @returns false when it takes longer */
  async #untilReleased(): Promise<boolean> {
    const open = new DatabaseSync(this.#bench.database, { readOnly: true })
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
/** How long the background may take to release events; the short run does not wait for it. */
const RELEASE_MS = sized(150, LONG_MS)

/** A checkpoint comes after some hundred submissions. */
const MOST_PARTS = 200
