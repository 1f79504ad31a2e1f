import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { type PostgresServer, query } from '../../test/support/postgres/server.ts'
import type { Case } from '../cases.ts'
import { type OnPostgres, pgBoss, Running } from '../contender.ts'
import type { Sent } from '../load/load.ts'
import { preload, readyEvents } from '../load/preload.ts'
import { median } from '../statistics.ts'
import { type Extent, type Measurable, type Round, Trial } from '../trial.ts'
import { verify } from '../verify.ts'
import { ServerCosts } from './server-costs.ts'

/** One contender on its own database. */
export class PostgresTrial extends Trial {
  readonly url: string
  readonly costs: ServerCosts
  readonly #formulas: number

  /** @param formulas stored before the warm-up */
  constructor(server: PostgresServer, url: string, subject: Case, contender: OnPostgres, formulas = 0) {
    super(subject, contender(url), { formulas, beforeRound: async () => subject.unit === 'events' && vacuum(url) })
    this.url = url
    this.costs = new ServerCosts(server)
    this.#formulas = formulas
  }

  override async prepare(extent: Extent): Promise<void> {
    await super.prepare(extent)
    if (this.#formulas === 0) return
    await vacuum(this.url)
    await query(this.url, 'CHECKPOINT')
  }

  override round(extent: Extent): Promise<Round> {
    return this.costs.during(() => super.round(extent))
  }

  protected override async storedBytes(): Promise<number> {
    const size = "SELECT (pg_database_size(current_database()) - pg_database_size('template1'))::float8 AS bytes"
    const [row] = await query<{ bytes: number }>(this.url, size)
    return row?.bytes ?? Number.NaN
  }

  override async remove(): Promise<void> {
    await super.remove()
    await dropDatabase(this.url)
  }
}

/** Does what autovacuum would have done if the tables had not been filled within seconds. */
const vacuum = (url: string) => query(url, 'VACUUM ANALYZE')

const dropDatabase = (url: string) =>
  query(String(new URL('postgres', url)), `DROP DATABASE "${new URL(url).pathname.slice(1)}" WITH (FORCE)`)

/** The same while another transaction holds a snapshot, so that deleted rows cannot be vacuumed. */
export class OpenTransactionTrial extends PostgresTrial {
  readonly #other = new pg.Client({ connectionString: this.url })

  override async prepare(extent: Extent): Promise<void> {
    await super.prepare(extent)
    await this.#other.connect()
    await this.#other.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM formula_intake.events')
  }

  override async remove(): Promise<void> {
    await this.#other.end()
    await super.remove()
  }
}

const BATCH = 100
/** Twice as many were no faster. */
const CONSUMERS = 4

/** Consumers of pg-boss: they fetch and complete jobs in this process, as its users would, without HTTP. */
export class BossTrial implements Measurable {
  readonly #running: Running
  readonly #boss: PgBoss
  readonly #url: string
  readonly #case: Case
  readonly #sent: Sent[] = []
  readonly #rates: number[] = []

  constructor(url: string, subject: Case) {
    this.#url = url
    this.#case = subject
    this.#running = new Running(pgBoss(url))
    this.#boss = new PgBoss({ connectionString: url, max: CONSUMERS + 2 })
    this.#boss.on('error', (error) => process.stderr.write(`${error}\n`))
  }

  async prepare({ warmUpSeconds }: Extent): Promise<void> {
    await this.#running.start()
    await this.#boss.start()
    await this.#consume(warmUpSeconds)
  }

  async round({ seconds }: Extent): Promise<void> {
    this.#rates.push(await this.#consume(Math.min(seconds, this.#case.maxSeconds ?? seconds)))
  }

  /** @returns events per second */
  async #consume(seconds: number): Promise<number> {
    const missing = seconds * this.#case.eventsPerSecond - (await readyEvents(this.#running.url))
    if (missing > 0) this.#sent.push(await preload(this.#running.url, missing))
    await vacuum(this.#url)
    let acked = 0
    const began = performance.now()
    const elapsed = (): number => (performance.now() - began) / 1000
    const consumer = async (): Promise<void> => {
      while (elapsed() < seconds) {
        const jobs = await this.#boss.fetch('formula-created', { batchSize: BATCH })
        if (jobs.length === 0) throw new Error('The queue ran dry')
        const ids = jobs.map(({ id }) => id)
        await this.#boss.complete('formula-created', ids)
        acked += ids.length
      }
    }
    await Promise.all(Array.from({ length: CONSUMERS }, consumer))
    const rate = acked / elapsed()
    // For verify(): all of them have ended, so nothing is in flight.
    const answered = { requests: 0, refused: 0, failed: 0, acked, seconds, p50Ms: 0, p99Ms: 0 }
    this.#sent.push({ requests: 'consume', run: 0, connections: 0, answered })
    return rate
  }

  async verify(): Promise<void> {
    await verify(this.#running, this.#sent)
  }

  figure(): { contender: string; rate: number } {
    return { contender: this.#running.contender.name, rate: median(this.#rates) }
  }

  async remove(): Promise<void> {
    await this.#boss.stop({ graceful: false })
    await this.#running.remove()
    await dropDatabase(this.#url)
  }
}
