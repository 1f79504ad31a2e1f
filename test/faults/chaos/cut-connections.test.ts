import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Choose, MISHAPS, Network } from '../../support/postgres/network.ts'
import { startPostgres } from '../../support/postgres/server.ts'
import { startService } from '../../support/service-process.ts'
import { createDatabases, environmentOf, untilSettled } from '../databases.ts'
import { type Chance, chance, isLong, seed, sized } from '../extent.ts'
import { COMMIT_STRATEGIES, type CommitStrategy } from '../stores.ts'
import { Load } from './load.ts'

const MAX_RECEIVES = 6
const LOAD_MS = sized(3_000, 60_000)
/** Of how many statements in 100 the connection is cut. */
const CUT_PERCENT = 2
/** How long late statements are late at most, in milliseconds. */
const LATE_MS = 2_000
const SHOWN = 20

t.setTimeout(sized(300_000, 900_000))
t.jobs = 2

const server = await startPostgres({ durable: false, settings: { max_connections: 200 } })
t.teardown(() => server.stop())

/** Lets statements go wrong by chance. @returns also what ends it, when all that is late has arrived */
function letGoWrong(networks: Network[], chance: Chance): () => Promise<void> {
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
  const end = letGoWrong([...new Set([database, queue])], chance(4))
  load.start()
  await pause(LOAD_MS)
  await end()
  const backAfter = Math.round(await load.msUntilBack())
  t.ok(backAfter < 5_000, `back after ${backAfter} ms`)
  await load.stop()
  t.comment(JSON.stringify(load.answers))
  t.same(await untilSettled(databases), [])
  t.same((await load.judge(true)).slice(0, SHOWN), [], `seed ${seed}: nothing is lost, doubled or orphaned`)
  t.match(await service.kill('SIGTERM'), { code: 0 }, 'the process has lived through all of it')
}

for (const strategy of COMMIT_STRATEGIES) {
  t.test(
    `${strategy}: connections are cut in the midst of statements, of which some arrive later: all is kept`,
    { buffered: true, skip: !isLong && strategy === 'saga' && 'in the long run' },
    (t) => cutUnderLoad(t, strategy),
  )
}
