import fc, { type Arbitrary } from 'fast-check'
import { command, type ModelCommand } from './command.ts'
import { passTime } from './model.ts'
import * as queueModel from './model-queue.ts'
import { TTL_MS } from './service-under-test.ts'

/** Lets a moment pass, or some minutes. */
export function shortTimes(): Arbitrary<ModelCommand> {
  const spans = fc.constantFrom(1, 999, 1_000, 5_000, 5_001, 30_000, 60_000)
  return spans.map((ms) =>
    command('passTime', { ms }, async (model, service) => {
      passTime(model, ms)
      await service.passTime(ms)
    }),
  )
}

/** Lets time pass to the end of the next lease or delay, or to just before it. */
export function ends(): Arbitrary<ModelCommand> {
  return fc.constantFrom(0, 1).map((before) =>
    command('passToNextEnd', { before }, async (model, service) => {
      const due = queueModel.nextDue(model.queue) ?? model.now + 1
      const ms = Math.max(due - before - model.now, 0)
      passTime(model, ms)
      await service.passTime(ms)
    }),
  )
}

/** Lets keys expire, or live on by a millisecond. */
export function longTimes(): Arbitrary<ModelCommand> {
  return fc.constantFrom(TTL_MS - 1, TTL_MS, TTL_MS / 2, 2 * TTL_MS).map((ms) =>
    command('passTime', { ms }, async (model, service) => {
      passTime(model, ms)
      await service.passTime(ms)
    }),
  )
}

/** Lets the background do all its rounds, sweeps included. */
export function rounds(): Arbitrary<ModelCommand> {
  return fc.constantFrom(2_000, 10_000, 11_000).map((ms) =>
    command('passRounds', { ms }, async (model, service) => {
      passTime(model, ms)
      await service.passRounds(ms)
    }),
  )
}

export function crashes(): Arbitrary<ModelCommand> {
  return fc.constant(command('crash', {}, (_model, service) => service.crash()))
}

export function restarts(): Arbitrary<ModelCommand> {
  return fc.constant(command('restart', {}, (_model, service) => service.restart()))
}
