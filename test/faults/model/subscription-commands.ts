import assert from 'node:assert/strict'
import fc, { type Arbitrary } from 'fast-check'
import { isoTime } from '../../../src/kit/clock.ts'
import type { Answer } from '../../support/http/service.ts'
import { command, type ModelCommand } from './command.ts'
import { post } from './event-commands.ts'
import type { Model } from './model.ts'
import { SUBSCRIPTIONS } from './queue.ts'
import type { ServiceUnderTest } from './service-under-test.ts'

const subscription = fc.constantFrom(...SUBSCRIPTIONS)

/** Checks a subscription that is shown. When it was made is not compared: the default one was made with the store. */
function checkShown({ queue, now }: Model, shown: { name: string; createdAt: string }): void {
  const { createdAt: _, ...figures } = queue.subscriptions(now).find(({ name }) => name === shown.name) ?? {}
  assert.deepEqual({ ...shown, createdAt: undefined }, { ...figures, createdAt: undefined })
}

function checkChanged(model: Model, answer: Answer): void {
  assert.equal(answer.statusCode, 200)
  checkShown(model, answer.json())
}

export function listings(): Arbitrary<ModelCommand> {
  return fc.constant(
    command('subscriptions', {}, async (model, service) => {
      const answer = await service.send({ method: 'GET', url: '/subscriptions' })
      const { subscriptions } = answer.json()
      assert.deepEqual(
        subscriptions.map(({ name }: { name: string }) => name),
        SUBSCRIPTIONS,
      )
      for (const shown of subscriptions) checkShown(model, shown)
    }),
  )
}

/** Moves to an end of the log, or to a time up to an hour ago. */
export function seeks(): Arbitrary<ModelCommand> {
  const place = fc.oneof(fc.constantFrom('start' as const, 'end' as const), fc.constantFrom(0, 1, 5_000, 3_600_000))
  return fc.record({ subscription, place }).map(({ subscription, place }) =>
    command('seek', { subscription, place }, async (model, service) => {
      const to = typeof place === 'number' ? model.now - place : place
      model.queue.seek(subscription, to)
      const body = { to: typeof to === 'number' ? isoTime(to) : to }
      checkChanged(model, await post(service, `/subscriptions/${subscription}/seek`, body))
    }),
  )
}

export async function resume(model: Model, service: ServiceUnderTest, name: (typeof SUBSCRIPTIONS)[number]) {
  Object.assign(model.queue.readers.get(name) ?? {}, { paused: false })
  checkChanged(model, await post(service, `/subscriptions/${name}/resume`))
}

export function pauses(): Arbitrary<ModelCommand> {
  return subscription.map((name) =>
    command('pause', { name }, async (model, service) => {
      Object.assign(model.queue.readers.get(name) ?? {}, { paused: true })
      checkChanged(model, await post(service, `/subscriptions/${name}/pause`))
    }),
  )
}

export function resumptions(): Arbitrary<ModelCommand> {
  return subscription.map((name) => command('resume', { name }, (model, service) => resume(model, service, name)))
}
