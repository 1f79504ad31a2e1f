import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { StoreUnavailable } from '../../../src/errors/store-errors.ts'
import { events } from '../../contract/submissions.ts'
import { openEngine } from '../../support/postgres/engines.ts'
import { type Choose, MISHAPS, Network } from '../../support/postgres/network.ts'
import { startPostgres } from '../../support/postgres/server.ts'
import { startService } from '../../support/service-process.ts'
import { createDatabases, environmentOf, untilSettled } from '../databases.ts'
import { type Chance, chance, isLong, seed, sized } from '../extent.ts'
import { COMMIT_STRATEGIES, type CommitStrategy } from '../stores.ts'
import { Load } from './load.ts'

const MAX_RECEIVES = 6
const LOAD_MS = sized(3_000, 60_000)
/** The percentage of statements during which the connection is cut. */
const CUT_PERCENT = 2
/** The longest delay of a late statement, in milliseconds. */
const LATE_MS = 2_000
const SHOWN = 20

t.setTimeout(sized(300_000, 900_000))
t.jobs = 2

const server = await startPostgres({ durable: false, settings: { max_connections: 200 } })
t.teardown(() => server.stop())

/** Lets random statements fail. @returns a function that ends it and waits for late statements */
function failAtRandom(networks: Network[], chance: Chance): () => Promise<void> {
  const choose: Choose = () => (chance.happens(CUT_PERCENT) ? chance.oneOf(MISHAPS) : null)
  for (const network of networks) network.choose(choose)
  const releasing = setInterval(() => void Promise.all(networks.map((network) => network.release())), LATE_MS)
  return async () => {
    for (const network of networks) network.choose()
    clearInterval(releasing)
    await Promise.all(networks.map((network) => network.release()))
  }
}

async function cutUnderLoad(t: Test, strategy: CommitStrategy): Promise<void> {
  t.testdir()
  const databases = await createDatabases(server, strategy)
  const database = await Network.start(t, databases.database)
  const queue = strategy === 'saga' ? await Network.start(t, databases.queue) : database
  const environment = environmentOf({ database: database.url, queue: queue.url })
  const patience = { SUBMIT_RETRY_BASE_MS: '50', SUBMIT_RETRY_MAX_MS: '500', SUBMIT_DEADLINE_MS: '6000' }
  const service = await startService(t, { ...environment, ...patience, EVENT_MAX_RECEIVES: String(MAX_RECEIVES) })
  const load = new Load([service.url], {
    chance: chance(strategy === 'saga' ? 3 : 2),
    strategy,
    maxReceives: MAX_RECEIVES,
  })
  const end = failAtRandom([...new Set([database, queue])], chance(4))
  load.start()
  await pause(LOAD_MS)
  await end()
  const backAfter = Math.round(await load.msUntilBack())
  t.ok(backAfter < 5_000, `back after ${backAfter} ms`)
  await load.stop()
  t.comment(JSON.stringify(load.answers))
  t.same(await untilSettled(databases), [])
  t.same((await load.judge(true)).slice(0, SHOWN), [], `seed ${seed}: nothing is lost, doubled or orphaned`)
  t.match(await service.kill('SIGTERM'), { code: 0 }, 'the process has survived')
}

for (const strategy of COMMIT_STRATEGIES) {
  t.test(
    `${strategy}: connections are cut during statements, some of which arrive late: nothing is lost`,
    { buffered: true, skip: !isLong && strategy === 'saga' && 'in the long run' },
    (t) => cutUnderLoad(t, strategy),
  )
}

const isExternal = Boolean(process.env.TEST_DATABASE_URL)
const skip =
  (isExternal && 'TEST_DATABASE_URL names a server that is not ours to freeze') ||
  (!isLong && 'in the long run: it takes as long as the time limit of a statement')

t.test('a transaction on a hanging connection times out once, not once a statement', { skip }, async (t) => {
  const server = await startPostgres({ durable: false })
  t.teardown(() => server.stop())
  const network = await Network.start(t, await server.createDatabase())
  const { queue } = await openEngine(t, network.url)
  network.choose((text, isWithin) => {
    if (isWithin && /formula_intake\.held/.test(text)) server.freeze()
    return null
  })
  const begun = performance.now()
  await t.rejects(queue.publish('1', events('abc')), StoreUnavailable)
  const ms = Math.round(performance.now() - begun)
  server.thaw()
  network.choose()
  t.ok(ms < 12_000, `after ${ms} ms`)
  t.equal(await queue.publish('after', events('d')), true)
})
