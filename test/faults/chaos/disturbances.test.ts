import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import { type PostgresServer, query, startPostgres } from '../../support/postgres/server.ts'
import { startService } from '../../support/service-process.ts'
import { type LocalWebhook, startWebhook } from '../../support/webhook.ts'
import { createDatabases, environmentOf, untilSettled } from '../databases.ts'
import { chance, isLong, seed, sized } from '../extent.ts'
import { forwardingTo, missedBy } from '../forwarded.ts'
import { COMMIT_STRATEGIES, type CommitStrategy } from '../stores.ts'
import { LIMITS, Load, MAX_RECEIVES } from './load.ts'

/** The time limit for recovery after a disturbance, in milliseconds. */
const BACK_MS = 5_000
/** The load before and after a disturbance, in milliseconds. */
const AROUND_MS = sized(300, 3_000)
/** Violations shown; one often causes others. */
const SHOWN = 20

const skip = Boolean(process.env.TEST_DATABASE_URL) && 'TEST_DATABASE_URL names a server that is not ours to disturb'
t.setTimeout(sized(300_000, 900_000))

/** Ends the connections of all instances. */
const TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'formula-intake'"

/** Disturbs the server, or the webhook that events are forwarded to, until it resolves. */
type Disturbance = (server: PostgresServer, webhook: LocalWebhook) => Promise<void>

const DISTURBANCES: Record<string, Disturbance> = {
  'backends terminated every 300 ms': async (server) => {
    for (let round = 0; round < sized(4, 60); round++) {
      await query(server.url(), TERMINATE)
      await pause(300)
    }
  },
  'two immediate restarts': async (server) => {
    await server.restartImmediately()
    await pause(sized(200, 2_000))
    await server.restartImmediately()
  },
  'connections exhausted': (server) => exhaust(server, sized(1_500, 10_000)),
  'a server that stands still': async (server) => {
    server.freeze()
    await pause(sized(2_000, 10_000))
    server.thaw()
  },
  'a server that is read-only': async (server) => {
    await server.setReadOnly(true)
    await pause(sized(1_500, 10_000))
    await server.setReadOnly(false)
  },
  'a webhook that is away': async (_, webhook) => {
    await webhook.stop()
    await pause(sized(2_000, 20_000))
    await webhook.start()
  },
}

/** Takes every connection, also those of the service. */
async function exhaust(server: PostgresServer, ms: number): Promise<void> {
  const first = new pg.Client({ connectionString: server.url() })
  const taken = [first]
  await first.connect()
  for (const until = performance.now() + ms; performance.now() < until; ) {
    await first.query(TERMINATE)
    const client = new pg.Client({ connectionString: server.url() })
    client.on('error', () => {})
    const isTaken = await client.connect().then(
      () => true,
      () => false,
    )
    if (isTaken) taken.push(client)
    else await pause(20)
  }
  await Promise.all(taken.map((client) => client.end()))
}

/** Starts a service on new databases, and its clients. */
async function setUp(t: Test, strategy: CommitStrategy, server: PostgresServer, webhook: LocalWebhook) {
  const databases = await createDatabases(server, strategy)
  const source = `/${strategy.replace(' ', '-')}`
  const service = await startService(t, { ...environmentOf(databases), ...LIMITS, ...forwardingTo(webhook, source) })
  const load = new Load([service.url], {
    chance: chance(strategy === 'saga' ? 1 : 0),
    strategy,
    maxReceives: MAX_RECEIVES,
  })
  const judge = async (whole: boolean): Promise<string[]> => [
    ...(await untilSettled(databases)),
    ...(await load.judge(whole)),
    ...(whole ? await missedBy(webhook, source, service.url) : []),
  ]
  return { strategy, service, load, judge }
}

t.test('whatever disturbs PostgreSQL or a sink, nothing is lost, and the service recovers', { skip }, async (t) => {
  const server = await startPostgres({ inMemory: true, settings: { max_connections: 60, deadlock_timeout: '200ms' } })
  t.teardown(() => server.stop())
  const webhook = await startWebhook(t)
  const services = await Promise.all(COMMIT_STRATEGIES.map((strategy) => setUp(t, strategy, server, webhook)))

  for (const [name, disturb] of Object.entries(DISTURBANCES)) {
    await t.test(name, async (t) => {
      for (const { load } of services) load.start()
      await pause(AROUND_MS)
      await disturb(server, webhook)
      const backAfter = await Promise.all(services.map(({ load }) => load.msUntilBack()))
      await pause(AROUND_MS)
      await Promise.all(services.map(({ load }) => load.stop()))
      for (const [index, { strategy, judge }] of services.entries()) {
        const ms = Math.round(backAfter[index] as number)
        t.ok(ms < BACK_MS, `${strategy}: back after ${ms} ms`)
        if (isLong) t.same((await judge(false)).slice(0, SHOWN), [], `${strategy}, seed ${seed}: all is kept`)
      }
    })
  }

  for (const { strategy, service, judge, load } of services) {
    t.comment(`${strategy}: ${JSON.stringify(load.answers)}`)
    t.same((await judge(true)).slice(0, SHOWN), [], `${strategy}, seed ${seed}: nothing is lost, doubled or orphaned`)
    const { code, stdout } = await service.kill('SIGTERM')
    t.equal(code, 0, `${strategy}: the process has survived`)
    t.notMatch(stdout.join('\n'), /"level":60/, 'without an uncaught error')
  }
})
