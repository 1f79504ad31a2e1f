import t from 'tap'
import { MISHAPS, type Mishap, Network } from '../../support/postgres/network.ts'
import { createDatabases } from '../databases.ts'
import { isLong, sized } from '../extent.ts'
import { COMMIT_STRATEGIES, type CommitStrategy } from '../stores.ts'
import { openBench, postgres } from './bench.ts'
import { EVERY_NUMBER, everyFault, type Plan } from './every-fault.ts'
import { CASES, type Case, type Layer, runSubmission } from './submission-run.ts'

t.setTimeout(sized(110_000, 3_000_000))

/** Lets planned statements fail on their way to PostgreSQL. */
class WireLayer implements Layer<Mishap> {
  readonly #networks: Network[]
  readonly death = Promise.withResolvers<'died'>()
  readonly dead = false
  injected = 0

  constructor(networks: Network[]) {
    this.#networks = networks
  }

  readonly wrap = <T>(stores: T): T => stores

  arm({ first, times, fault }: Plan<Mishap>): void {
    let statements = 0
    for (const network of this.#networks) {
      network.choose((_, isWithin) => {
        const number = ++statements
        if (number < first || number >= first + times) return null
        this.injected++
        // A late statement within a transaction would block everything after it.
        return fault === 'late' && isWithin ? 'before' : fault
      })
    }
  }

  /** Late statements arrive now. */
  async mend(): Promise<void> {
    for (const network of this.#networks) network.choose()
    await Promise.all(this.#networks.map((network) => network.release()))
  }
}

/** A saga has seven times as many statements. */
function extentOf(strategy: CommitStrategy) {
  if (isLong) return { faults: MISHAPS, times: EVERY_NUMBER }
  return { faults: strategy === 'saga' ? (['after'] as const) : (['after', 'late'] as const), times: [1] }
}

for (const strategy of COMMIT_STRATEGIES) {
  t.test(
    `PostgreSQL, ${strategy}: whatever statement fails on its way, a list is stored once or not at all`,
    async (t) => {
      const databases = await createDatabases(await postgres(), strategy)
      const database = await Network.start(t, databases.database)
      const queue = strategy === 'saga' ? await Network.start(t, databases.queue) : database
      const urls = { DATABASE_URL: database.url, QUEUE_URL: queue.url }
      const bench = await openBench(t, { engine: 'postgres', strategy, urls })
      let runs = 0
      await everyFault(t, extentOf(strategy), (plan) => {
        const number = ++runs
        const submitted = CASES['a list with a duplicate skipped']?.(number) as Case
        return runSubmission(bench, number, submitted, new WireLayer([...new Set([database, queue])]), plan)
      })
    },
  )
}
