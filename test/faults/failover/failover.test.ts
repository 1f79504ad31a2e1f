import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startService } from '../../support/service-process.ts'
import { type LocalWebhook, startWebhook } from '../../support/webhook.ts'
import { LIMITS, Load, MAX_RECEIVES } from '../chaos/load.ts'
import { environmentOf, untilSettled } from '../databases.ts'
import { type Chance, chance, seed, sized } from '../extent.ts'
import { count } from '../figures.ts'
import { forwardingTo, missedBy } from '../forwarded.ts'
import { COMMIT_STRATEGIES, type CommitStrategy } from '../stores.ts'
import { FAILOVERS, type Failover } from './failovers.ts'
import { missing, Replicas } from './replicas.ts'

/** The time limit for recovery once a primary confirms commits, in milliseconds. */
const BACK_MS = 10_000
/** The load before and after, in milliseconds. */
const AROUND_MS = sized(300, 1_000)
const ROUNDS = sized(1, 9)
/** How often the primary dies in each way, in each round. */
const DEATHS = sized(1, 4)
const INSTANCES = 2
/** Violations shown; one often causes others. */
const SHOWN = 20

const skip = missing().length > 0 && `not installed: ${missing().join(', ')}`
t.setTimeout(sized(600_000, 7_200_000))

/** Starts the instances of a service, and its clients. @param chance theirs */
async function setUp(t: Test, strategy: CommitStrategy, replicas: Replicas, webhook: LocalWebhook, chance: Chance) {
  const name = strategy.replace(' ', '_')
  const [database, queue] = [name, strategy === 'saga' ? `${name}_queue` : name]
  for (const each of new Set([database, queue])) await replicas.createDatabase(each)
  const urls = { database: replicas.url(database), queue: replicas.url(queue) }
  const environment = { ...environmentOf(urls), ...LIMITS, ...forwardingTo(webhook, `/${name}`) }
  const services = []
  for (let instance = 0; instance < INSTANCES; instance++) services.push(await startService(t, environment))
  const addresses = services.map(({ url }) => url)
  const load = new Load(addresses, {
    chance,
    strategy,
    maxReceives: MAX_RECEIVES,
    submitters: 6,
  })
  const settled = (): Promise<string[]> =>
    replicas.atPrimary((urlOf) => untilSettled({ database: urlOf(database), queue: urlOf(queue) }))
  const judge = async (whole: boolean): Promise<string[]> => [
    ...(await settled()),
    ...(await load.judge(whole)),
    ...(whole ? await missedBy(webhook, `/${name}`, addresses[0] as string) : []),
  ]
  return { strategy, services, load, judge }
}

type Running = Awaited<ReturnType<typeof setUp>>

async function failOver(t: Test, { harm, leader, isDeath }: Failover, replicas: Replicas, all: Running[]) {
  for (const { load } of all) load.start()
  await pause(AROUND_MS)
  // Patroni promotes none while no standby is known to be synchronous.
  await replicas.standby('synchronous')
  const primary = await replicas.primary()
  const mend = await harm(primary, replicas)
  if (isDeath) count('primaryDeaths', 1)
  if (leader !== 'the same') await replicas.primary(leader === 'another' ? primary : undefined)
  const measured = await Promise.all(
    all.map(({ load }) => {
      const back = load.msUntilBack()
      return Promise.all([back, replicas.msUntilConfirming(back)])
    }),
  )
  await pause(AROUND_MS)
  await mend?.()
  await replicas.untilWhole()
  await pause(AROUND_MS)
  await Promise.all(all.map(({ load }) => load.stop()))
  for (const [index, { strategy, judge }] of all.entries()) {
    const [backAfter, confirmsAfter] = (measured[index] as [number, number]).map(Math.round) as [number, number]
    t.ok(
      backAfter - confirmsAfter < BACK_MS,
      `${strategy}: back after ${backAfter} ms, the primary after ${confirmsAfter}`,
    )
    t.same((await judge(false)).slice(0, SHOWN), [], `${strategy}, seed ${seed}: all is kept`)
  }
}

/** The failovers of a round, in another order each time. */
function failoversOf(round: number): [string, Failover][] {
  const all = Object.entries(FAILOVERS).flatMap((each) => Array<typeof each>(each[1].isDeath ? DEATHS : 1).fill(each))
  const order = chance(3 * round + 2)
  const left = [...all]
  return all.map(() => left.splice(order.integer(0, left.length - 1), 1)[0] as (typeof all)[number])
}

/** A round has servers and clients of its own, so that what they keep does not slow down the later ones. */
async function runRound(t: Test, round: number): Promise<void> {
  const replicas = await Replicas.start('synchronous')
  t.teardown(() => replicas.stop())
  const webhook = await startWebhook(t)
  const all: Running[] = []
  for (const [index, strategy] of COMMIT_STRATEGIES.entries())
    all.push(await setUp(t, strategy, replicas, webhook, chance(3 * round + index)))
  for (const [name, failover] of failoversOf(round)) await t.test(name, (t) => failOver(t, failover, replicas, all))
  t.comment(`Standbys that the rig restarted: ${replicas.restarted}`)
  for (const { strategy, services, judge, load } of all) {
    t.comment(`${strategy}: ${JSON.stringify(load.answers)}`)
    t.same((await judge(true)).slice(0, SHOWN), [], `${strategy}, seed ${seed}: nothing is lost, doubled or orphaned`)
    for (const { kill } of services) {
      const { code, stdout } = await kill('SIGTERM')
      t.equal(code, 0, `${strategy}: the process has survived`)
      t.notMatch(stdout.join('\n'), /"level":60/, 'without an uncaught error')
    }
  }
  // tap keeps what this function refers to until the file ends.
  all.length = 0
}

t.test('whatever happens to the primary, nothing is lost, and the service finds the next one', { skip }, async (t) => {
  for (let round = 0; round < ROUNDS; round++) await t.test(`round ${round + 1}`, (t) => runRound(t, round))
})
