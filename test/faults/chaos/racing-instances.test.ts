import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startPostgres } from '../../support/postgres/server.ts'
import { type ServiceProcess, startService } from '../../support/service-process.ts'
import { ClientHistory, type FormulaBody, type OnDuplicate, type Send, sendTo } from '../client-history.ts'
import { createDatabases, environmentOf, untilSettled } from '../databases.ts'
import { chance, isLong, seed, sized } from '../extent.ts'
import { COMMIT_STRATEGIES, type CommitStrategy } from '../stores.ts'
import { Load } from './load.ts'

const MAX_RECEIVES = 6
const ROUNDS = sized(1, 60)
/** How long clients go on before and after a kill, in milliseconds. */
const AROUND_MS = sized(700, 5_000)
/** A race that takes longer was a deadlock, ended by a time-out, in milliseconds. */
const LONGEST_RACE_MS = 5_000
const SHOWN = 20

t.setTimeout(sized(300_000, 900_000))
t.jobs = 2

const server = await startPostgres({ durable: false, settings: { max_connections: 200 } })
t.teardown(() => server.stop())

/** A submission of a race. */
interface Entry {
  instance: number
  key: string
  body: FormulaBody | FormulaBody[]
  onDuplicate?: OnDuplicate
}

/** @returns submissions that are sent at the same moment */
type Race = (number: number, instances: number) => Entry[]

let names = 0

/** Compositions differ in their concentration; each formula has its own name. */
const formula = (composition: string): FormulaBody => ({
  name: `Raced ${++names}`,
  materials: [{ name: 'Oud', concentration: composition }],
})

const each = <T>(instances: number, entry: (instance: number) => T): T[] =>
  Array.from({ length: instances }, (_, instance) => entry(instance))

/** The races between submissions to several instances. */
const RACES: Record<string, Race> = {
  'one key and payload': (number, instances) => {
    const body = formula(`${number}.1`)
    return each(instances * 2, (entry) => ({ instance: entry % instances, key: `same-${number}`, body }))
  },
  'one key and different payloads': (number, instances) =>
    each(instances, (instance) => ({ instance, key: `used-${number}`, body: formula(`${number}.2${instance}`) })),
  'one composition': (number, instances) =>
    each(instances, (instance) => ({
      instance,
      key: `composition-${number}-${instance}`,
      body: formula(`${number}.3`),
    })),
  '[A,B] and [B,A]': (number, instances) =>
    each(instances * 2, (entry) => {
      const list = [formula(`${number}.4`), formula(`${number}.5`)]
      return {
        instance: entry % instances,
        key: `list-${number}-${entry}`,
        body: entry % 2 === 0 ? list : list.reverse(),
      }
    }),
  'lists that overlap, duplicates skipped': (number, instances) =>
    each(instances, (instance) => ({
      instance,
      key: `skip-${number}-${instance}`,
      body: [instance, instance + 1, 0].map((part) => formula(`${number}.6${part}`)),
      onDuplicate: 'skip',
    })),
}

/** Starts several instances on the same databases. */
async function setUp(t: Test, strategy: CommitStrategy, count: number) {
  t.testdir()
  const databases = await createDatabases(server, strategy)
  const environment = { ...environmentOf(databases), EVENT_MAX_RECEIVES: String(MAX_RECEIVES) }
  const services = await Promise.all(Array.from({ length: count }, () => startService(t, environment)))
  return { databases, services: services as [ServiceProcess, ...ServiceProcess[]] }
}

async function race(t: Test, strategy: CommitStrategy, count: number): Promise<void> {
  const { databases, services } = await setUp(t, strategy, count)
  const connections = services.map(({ url }) => sendTo(url))
  const sends = connections.map(({ send }) => send)
  const history = new ClientHistory({ maxReceives: MAX_RECEIVES })
  for (const [name, entriesOf] of Object.entries(RACES)) {
    for (let round = 1; round <= ROUNDS; round++) {
      const entries = entriesOf(round, count)
      const begun = performance.now()
      const sent = entries.map(({ instance, key, body, onDuplicate }) =>
        history.submit(sends[instance] as Send, key, body, onDuplicate),
      )
      const replies = (await Promise.all(sent)).filter((reply) => reply !== null)
      const ms = Math.round(performance.now() - begun)
      const statuses = replies.map(({ status }) => status)
      const isWell = replies.length === entries.length && !statuses.includes(503) && statuses.includes(200)
      if (!isWell || ms > LONGEST_RACE_MS) t.fail(`${name}: ${statuses} in ${ms} ms`)
    }
    t.pass(name)
  }
  t.same(await untilSettled(databases), [])
  t.same((await history.judge(sends[0] as (typeof sends)[number], { whole: true })).slice(0, SHOWN), [])
  for (const { close } of connections) close()
  await Promise.all(services.map(({ kill }) => kill('SIGKILL')))
}

async function killOne(t: Test, strategy: CommitStrategy, count: number): Promise<void> {
  const { databases, services } = await setUp(t, strategy, count)
  const urls = services.map(({ url }) => url)
  const load = new Load(urls, {
    chance: chance(count),
    strategy,
    maxReceives: MAX_RECEIVES,
    submitters: 16,
    consumers: 6,
  })
  load.start()
  await pause(AROUND_MS)
  await services[0].kill('SIGKILL')
  load.leave(services[0].url)
  await pause(AROUND_MS)
  await load.stop()
  t.comment(JSON.stringify(load.answers))
  t.same(await untilSettled(databases), [], 'the others bring to its end what it has left')
  t.same((await load.judge(true)).slice(0, SHOWN), [], `seed ${seed}: nothing is lost, doubled or orphaned`)
  await Promise.all(services.map(({ kill }) => kill('SIGKILL')))
}

for (const count of [2, 4]) {
  for (const strategy of COMMIT_STRATEGIES) {
    const isShort = (count === 2) === (strategy === 'saga')
    t.test(
      `${count} instances, ${strategy}: of racing submissions one is stored, without deadlock`,
      { buffered: true, skip: !isLong && !isShort && 'in the long run' },
      (t) => race(t, strategy, count),
    )
    t.test(
      `${count} instances, ${strategy}: one is killed under load, nothing is lost, doubled or orphaned`,
      { buffered: true, skip: !isLong && !isShort && 'in the long run' },
      (t) => killOne(t, strategy, count),
    )
  }
}
