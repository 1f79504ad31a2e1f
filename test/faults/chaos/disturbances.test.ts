import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type PostgresServer, startPostgres } from '../../support/postgres/server.ts'
import { startService } from '../../support/service-process.ts'
import { createDatabases, environmentOf, untilSettled } from '../databases.ts'
import { chance, isLong, seed, sized } from '../extent.ts'
import { COMMIT_STRATEGIES, type CommitStrategy } from '../stores.ts'
import { DISTURBANCES } from './disturbances.ts'
import { Load } from './load.ts'

/** What a service has to be back within when it is over, in milliseconds. */
const BACK_MS = 5_000
/** How long clients go on before and after, in milliseconds. */
const AROUND_MS = sized(300, 3_000)
const MAX_RECEIVES = 6
/** Patience that ends within a disturbance, so that submissions are given up as well. */
const LIMITS = {
  EVENT_MAX_RECEIVES: String(MAX_RECEIVES),
  SUBMIT_RETRY_BASE_MS: '100',
  SUBMIT_RETRY_MAX_MS: '1000',
  SUBMIT_DEADLINE_MS: '6000',
  IDEMPOTENCY_WAIT_MS: '2000',
}
/** Whether each disturbance is judged by itself; else all of them together, at the end. */
const JUDGED_EACH = isLong
/** Violations shown; one often draws others after it. */
const SHOWN = 20

const skip = Boolean(process.env.TEST_DATABASE_URL) && 'TEST_DATABASE_URL names a server that is not ours to disturb'
t.setTimeout(sized(300_000, 900_000))

/** A service on databases of its own, and its clients. */
async function setUp(t: Test, strategy: CommitStrategy, server: PostgresServer) {
  t.testdir()
  const databases = await createDatabases(server, strategy)
  const service = await startService(t, { ...environmentOf(databases), ...LIMITS })
  const load = new Load([service.url], {
    chance: chance(strategy === 'saga' ? 1 : 0),
    strategy,
    maxReceives: MAX_RECEIVES,
  })
  const judge = async (whole: boolean): Promise<string[]> => [
    ...(await untilSettled(databases)),
    ...(await load.judge(whole)),
  ]
  return { strategy, service, load, judge }
}

t.test(
  'PostgreSQL may be disturbed as it likes: all is kept, and the service is back when it is over',
  { skip },
  async (t) => {
    const server = await startPostgres({ inMemory: true, settings: { max_connections: 60, deadlock_timeout: '200ms' } })
    t.teardown(() => server.stop())
    const services = await Promise.all(COMMIT_STRATEGIES.map((strategy) => setUp(t, strategy, server)))

    for (const [name, disturb] of Object.entries(DISTURBANCES)) {
      await t.test(name, async (t) => {
        for (const { load } of services) load.start()
        await pause(AROUND_MS)
        await disturb(server)
        const backAfter = await Promise.all(services.map(({ load }) => load.msUntilBack()))
        await pause(AROUND_MS)
        await Promise.all(services.map(({ load }) => load.stop()))
        for (const [index, { strategy, judge }] of services.entries()) {
          const ms = Math.round(backAfter[index] as number)
          t.ok(ms < BACK_MS, `${strategy}: back after ${ms} ms`)
          if (JUDGED_EACH) t.same((await judge(false)).slice(0, SHOWN), [], `${strategy}, seed ${seed}: all is kept`)
        }
      })
    }

    for (const { strategy, service, judge, load } of services) {
      t.comment(`${strategy}: ${JSON.stringify(load.answers)}`)
      t.same((await judge(true)).slice(0, SHOWN), [], `${strategy}, seed ${seed}: nothing is lost, doubled or orphaned`)
      const { code, stdout } = await service.kill('SIGTERM')
      t.equal(code, 0, `${strategy}: the process has lived through all of it`)
      t.notMatch(stdout.join('\n'), /"level":60/, 'and no error was caught by nobody')
    }
  },
)
