import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startService } from '../../support/service-process.ts'
import { resending, sendTo } from '../client-history.ts'
import { sized } from '../extent.ts'
import { newestFormulas } from '../history/reads.ts'
import { missing, Replicas } from './replicas.ts'

const DEATHS = sized(2, 20)
const CLIENTS = 16
const LOAD_MS = 1_000
/** What was answered longer before a death has reached a standby, in milliseconds. */
const LAG_MS = 500

const skip = missing().length > 0 && `not installed: ${missing().join(', ')}`
t.setTimeout(sized(300_000, 1_800_000))

interface Answered {
  key: string
  body: string
  id: string
  at: number
}

/** Clients that submit formulas, each with a key of its own. */
class Writers {
  readonly #url: string
  #submitted = 0
  answered: Answered[] = []

  constructor(url: string) {
    this.#url = url
  }

  /** Submits until `die` has killed the primary. @returns when it did */
  async until(die: () => Promise<void>): Promise<number> {
    let diedAt = Number.POSITIVE_INFINITY
    const client = async (): Promise<void> => {
      const { send, close } = sendTo(this.#url)
      while (diedAt === Number.POSITIVE_INFINITY) await this.#submit(send)
      close()
    }
    const clients = Array.from({ length: CLIENTS }, client)
    await pause(LOAD_MS)
    await die()
    diedAt = Date.now()
    await Promise.all(clients)
    return diedAt
  }

  async #submit(send: ReturnType<typeof sendTo>['send']): Promise<void> {
    const number = ++this.#submitted
    const body = JSON.stringify({ name: `Formula ${number}`, materials: [{ name: 'Rose', concentration: number }] })
    const key = `key-${number}`
    const reply = await send('POST', '/formulas', { 'idempotency-key': key }, body)
    if (reply.status === 200)
      this.answered.push({ key, body, id: JSON.parse(reply.body).formulas[0].id, at: Date.now() })
  }
}

/** Kills the primary under load. @returns the answers that the next one has not, and when it died */
async function die(replicas: Replicas, url: string, writers: Writers): Promise<{ lost: Answered[]; diedAt: number }> {
  const primary = await replicas.primary()
  const diedAt = await writers.until(() => primary.kill())
  await replicas.primary(primary)
  const { send, close } = sendTo(url)
  const { fresh } = await newestFormulas(resending(send))
  close()
  primary.start()
  await replicas.untilWhole()
  const stored = new Set(fresh.map(({ id }) => id))
  return { lost: writers.answered.filter(({ id }) => !stored.has(id)), diedAt }
}

async function repeat(t: Test, url: string, { key, body, id }: Answered): Promise<void> {
  const { send, close } = sendTo(url)
  const reply = await resending(send)('POST', '/formulas', { 'idempotency-key': key }, body)
  close()
  t.match(reply, { status: 200, body: new RegExp(id) })
}

t.test(
  'asynchronous replication loses the newest answers, and nothing older; a repeat stores them',
  { skip },
  async (t) => {
    const replicas = await Replicas.start('asynchronous')
    t.teardown(() => replicas.stop())
    await replicas.createDatabase('formulas')
    t.testdir()
    const { url } = await startService(t, { DATABASE_URL: replicas.url('formulas') })
    const writers = new Writers(url)
    const numbers = []
    for (let death = 1; death <= DEATHS; death++) {
      const { lost, diedAt } = await die(replicas, url, writers)
      const oldest = Math.max(0, ...lost.map(({ at }) => diedAt - at))
      t.ok(oldest < LAG_MS, `the oldest of ${lost.length} was answered ${oldest} ms before`)
      numbers.push(lost.length)
      for (const each of lost) await repeat(t, url, each)
    }
    const all = numbers.reduce((sum, lost) => sum + lost, 0)
    t.comment(
      `Lost: ${all} of ${writers.answered.length} answers in ${DEATHS} deaths, at most ${Math.max(...numbers)} in one`,
    )
  },
)
