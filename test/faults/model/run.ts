import fc, { type Arbitrary } from 'fast-check'
import t from 'tap'
import { count } from '../figures.ts'
import type { ModelCommand } from './command.ts'
import { compareAll } from './compare-all.ts'
import type { Engine } from './engines.ts'
import * as events from './event-commands.ts'
import { askIds } from './make-ups.ts'
import { newModel } from './model.ts'
import * as reads from './read-commands.ts'
import { type Extent, LONGEST_MS, repeatOf, report } from './repeat.ts'
import { MAX_RECEIVES, ServiceUnderTest, TTL_MS } from './service-under-test.ts'
import * as submits from './submit-commands.ts'
import * as times from './time-commands.ts'

/** Every command as often as it stands here. */
function everyday(ids: readonly string[]): Arbitrary<ModelCommand>[] {
  const often = [submits.submits(ids), submits.repeats(ids), events.receives(), events.acks(), events.nacks()]
  return [
    ...[...often, ...often, ...often],
    ...[events.extensions(), events.extensions(), times.shortTimes(), times.ends(), times.ends()],
    ...[submits.invalidSubmits(), reads.getsById(ids), reads.lists('formulas'), reads.lists('dead')],
    ...[events.waits(), events.statistics(), events.redrives(ids), events.deletions(ids), times.rounds()],
    events.releases(ids),
    ...[reads.badCursors(), reads.cleanups(), times.longTimes()],
  ]
}

const processEnds = (ids: readonly string[]): Arbitrary<ModelCommand>[] => [
  submits.dyingSubmits(ids),
  submits.dyingSubmits(ids),
  times.crashes(),
  times.restarts(),
]

interface ModelExtent extends Extent {
  /** Most commands in one run. */
  commands: number
  /** One in so many commands ends a process, about. */
  processLife: number
}

t.setTimeout(LONGEST_MS)

/** Compares a service on an engine with the model, command by command. */
export function modelTest(engine: Engine, { runs, commands, processLife, stream }: ModelExtent): void {
  const name = `model on ${engine}`
  t.test(`${engine}: after any commands the service answers as the model does`, async (t) => {
    const repeat = repeatOf(name, { runs, stream })
    if (repeat === null) return t.comment('another one is repeated')
    const ids = await askIds()
    t.equal(new Set(ids).size, ids.length, 'every make-up has an id of its own')
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
