import fc, { type Arbitrary } from 'fast-check'
import { command, type ModelCommand, passTime } from './command.ts'

/** Lets one of these times pass, in milliseconds. */
export const times = (...spans: number[]): Arbitrary<ModelCommand> =>
  fc.constantFrom(...spans).map((ms) => command('passTime', { ms }, (model, service) => passTime(model, service, ms)))

/** Lets time pass to the end of the next lease or delay, or to a millisecond before it. */
export const ends = (): Arbitrary<ModelCommand> =>
  fc.constantFrom(0, 1).map((before) =>
    command('passToNextEnd', { before }, (model, service) => {
      const due = model.queue.nextDue ?? model.now + 1
      return passTime(model, service, Math.max(due - before - model.now, 0))
    }),
  )

/** Lets time pass in steps short enough for every background round, sweeps included. */
export const rounds = (): Arbitrary<ModelCommand> =>
  fc.constantFrom(2_000, 10_000, 11_000).map((ms) =>
    command('passRounds', { ms }, async (model, service) => {
      for (let left = ms; left > 0; left -= 1_000) await passTime(model, service, 1_000)
    }),
  )

export const crashes = (): Arbitrary<ModelCommand> =>
  fc.constant(command('crash', {}, (_model, service) => service.crash()))

export const restarts = (): Arbitrary<ModelCommand> =>
  fc.constant(command('restart', {}, (_model, service) => service.restart()))
