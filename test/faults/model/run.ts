import fc, { type Arbitrary } from 'fast-check'
import t from 'tap'
import { count } from '../figures.ts'
import { checkAnswer, command, type ModelCommand, passTime } from './command.ts'
import { askIds } from './compositions.ts'
import { dyingErasures, erasures } from './erase-commands.ts'
import * as events from './event-commands.ts'
import { checkReceived, checkStats, post } from './event-commands.ts'
import { getFormula, type Model, newModel } from './model.ts'
import { SUBSCRIPTIONS } from './queue.ts'
import * as reads from './read-commands.ts'
import { readList } from './read-commands.ts'
import { type Extent, LONGEST_MS, repeatOf, report } from './repeat.ts'
import { type Engine, MAX_RECEIVES, ServiceUnderTest, TTL_MS } from './service-under-test.ts'
import * as submits from './submit-commands.ts'
import * as subscriptions from './subscription-commands.ts'

/** Lets one of these times pass, in milliseconds. */
const times = (...spans: number[]): Arbitrary<ModelCommand> =>
  fc.constantFrom(...spans).map((ms) => command('passTime', { ms }, (model, service) => passTime(model, service, ms)))

/** Lets time pass to the end of the next lease or delay, or to a millisecond before it. */
const ends = (): Arbitrary<ModelCommand> =>
  fc.constantFrom(0, 1).map((before) =>
    command('passToNextEnd', { before }, (model, service) => {
      const due = model.queue.nextDue ?? model.now + 1
      return passTime(model, service, Math.max(due - before - model.now, 0))
    }),
  )

/** Lets time pass in steps short enough for every background round, sweeps included. */
const rounds = (): Arbitrary<ModelCommand> =>
  fc.constantFrom(2_000, 10_000, 11_000).map((ms) =>
    command('passRounds', { ms }, async (model, service) => {
      for (let left = ms; left > 0; left -= 1_000) await passTime(model, service, 1_000)
    }),
  )

const crashes = (): Arbitrary<ModelCommand> => fc.constant(command('crash', {}, (_model, service) => service.crash()))

const restarts = (): Arbitrary<ModelCommand> =>
  fc.constant(command('restart', {}, (_model, service) => service.restart()))

const shortTimes = times(1, 999, 1_000, 5_000, 5_001, 30_000, 60_000)
/** Around the expiry of keys. */
const longTimes = times(TTL_MS - 1, TTL_MS, TTL_MS / 2, 2 * TTL_MS)

/** The commands; those listed more often are chosen more often. */
function everyday(ids: readonly string[]): Arbitrary<ModelCommand>[] {
  const often = [submits.submits(ids), submits.repeats(ids), events.receives(), events.acks(), events.nacks()]
  return [
    ...[...often, ...often, ...often],
    ...[events.extensions(), events.extensions(), shortTimes, ends(), ends()],
    ...[submits.derives(ids), submits.derives(ids)],
    ...[
      submits.invalidSubmits(),
      submits.checks(ids),
      reads.getsById(ids),
      reads.lists('formulas'),
      reads.lists('dead'),
    ],
    ...[events.waits(), events.statistics(), events.redrives(ids), events.deletions(ids), rounds()],
    ...[events.releases(ids), subscriptions.listings(), subscriptions.seeks(), subscriptions.pauses()],
    ...[subscriptions.resumptions(), subscriptions.resumptions()],
    ...[reads.badCursors(), reads.cleanups(), longTimes, erasures(ids), erasures(ids)],
  ]
}

const processEnds = (ids: readonly string[]): Arbitrary<ModelCommand>[] => [
  submits.dyingSubmits(ids),
  submits.dyingSubmits(ids),
  dyingErasures(ids),
  submits.dyingDerives(ids),
  crashes(),
  restarts(),
]

interface ModelExtent extends Extent {
  /** The most commands in one run. */
  commands: number
  /** The average number of commands before one that ends the process. */
  processLife: number
}

t.setTimeout(LONGEST_MS)

/** Compares a service on an engine with the model, command by command. */
export function modelTest(engine: Engine, { runs, commands, processLife, stream }: ModelExtent): void {
  const name = `model on ${engine}`
  t.test(`${engine}: after any commands the service answers as the model does`, async (t) => {
    const repeat = repeatOf(name, { runs, stream })
    if (repeat === null) return t.comment('another property is repeated')
    const ids = await askIds()
    t.equal(new Set(ids).size, ids.length, 'every composition has its own id')
    const [ends, daily] = [processEnds(ids), everyday(ids)]
    const often = Math.max(1, Math.round((processLife * ends.length) / daily.length))
    const all = [...Array.from({ length: often }, () => daily).flat(), ...ends]
    const { replayPath } = repeat
    const plan = fc.commands(all, { maxCommands: commands, size: 'max', ...(replayPath ? { replayPath } : {}) })
    const property = fc.asyncProperty(plan, async (list) => {
      const service = new ServiceUnderTest(engine)
      const model = newModel(service.clock.now(), { ttlMs: TTL_MS, maxReceives: MAX_RECEIVES })
      try {
        await service.start()
        for (const name of SUBSCRIPTIONS) {
          await service.send({ method: 'PUT', url: `/subscriptions/${name}`, payload: { from: 'start' } })
        }
        await fc.asyncModelRun(() => ({ model, real: service }), list)
        await compareAll(model, service)
      } finally {
        await service.end()
        count('modelSteps', service.steps)
      }
    })
    report(t, name, await fc.check(property, repeat.parameters))
  })
}

/** Longer than any lease and any delay, in milliseconds. */
const ALL_ENDED_MS = 43_201_000

/** Lists everything, ends all leases and delays, and receives every event. */
async function compareAll(model: Model, service: ServiceUnderTest): Promise<void> {
  await readList(model, service, 'formulas', { limit: 50 })
  for (const { id } of model.formulas) {
    checkAnswer(await service.send({ method: 'GET', url: `/formulas/${id}` }), getFormula(model, id))
  }
  checkAnswer(await service.send({ method: 'GET', url: '/cleanups' }), { status: 200, body: { cleanups: [] } })
  for (const ms of [0, ALL_ENDED_MS]) {
    await passTime(model, service, ms)
    await checkStats(model, service)
    await readList(model, service, 'dead', { limit: 50 })
  }
  for (const subscription of SUBSCRIPTIONS) {
    await subscriptions.resume(model, service, subscription)
    while (model.queue.isReady(subscription, model.now)) {
      const body = { subscription, max: 100, leaseSeconds: 43_200 }
      checkReceived(model, await post(service, '/events/receive', body), subscription, body)
    }
  }
  await checkStats(model, service)
}
