import fc, { type Arbitrary } from 'fast-check'
import { isoTime } from '../../../src/kit/clock.ts'
import type { Settled } from '../../../src/stores/ports.ts'
import { DEFAULT } from '../../contract/leasing.ts'
import type { Answer } from '../../support/http/service.ts'
import { checkAnswer, command, type ModelCommand, passTime } from './command.ts'
import { type Model, refusal } from './model.ts'
import { SUBSCRIPTIONS, type SubscriptionName } from './queue.ts'
import { LEASE_SECONDS, type ServiceUnderTest } from './service-under-test.ts'

export const post = (service: ServiceUnderTest, url: string, body?: object): Promise<Answer> =>
  service.send({ method: 'POST', url, ...(body === undefined ? {} : { payload: body }) })

const leaseSeconds = fc.constantFrom(undefined, 1, 5, 30, 3_600, 43_200)

const subscription = fc.constantFrom(...SUBSCRIPTIONS)

/** Checks the events received. Their receipts only have to be new. */
export function checkReceived(
  { queue, now }: Model,
  answer: Answer,
  name: SubscriptionName,
  { max = 1, leaseSeconds = LEASE_SECONDS }: { max?: number | undefined; leaseSeconds?: number | undefined },
): void {
  const given: { receipt: string }[] = answer.json().events ?? []
  const receipts = given.map(({ receipt }) => receipt)
  const known = receipts.find((receipt, index) => [...queue.receipts, ...receipts.slice(0, index)].includes(receipt))
  if (known !== undefined) throw new Error(`The receipt "${known}" is not new`)
  checkAnswer(answer, { status: 200, body: { events: queue.lease(name, max, now + leaseSeconds * 1000, receipts) } })
}

export function receives(): Arbitrary<ModelCommand> {
  const max = fc.constantFrom(undefined, 1, 2, 3, 10, 100)
  return fc.record({ subscription, max, leaseSeconds }).map((body) =>
    command('receive', body, async (model, service) => {
      const isEmpty = body.subscription === DEFAULT && body.max === undefined && body.leaseSeconds === undefined
      const answer = await post(service, '/events/receive', isEmpty ? undefined : body)
      checkReceived(model, answer, body.subscription, body)
    }),
  )
}

/** Long poll: an event comes at once, or when a lease or delay ends within the time, or not at all. */
export function waits(): Arbitrary<ModelCommand> {
  const max = fc.constantFrom(1, 3)
  const waitSeconds = fc.integer({ min: 1, max: 3 })
  const options = fc.record({ subscription, max, waitSeconds, headStartMs: fc.constantFrom(0, 1, 700) })
  return options.map(({ headStartMs, ...body }) =>
    command('wait', { ...body, headStartMs }, async (model, service) => {
      if (headStartMs > 0) await passTo(model, service, (model.queue.nextDue ?? 0) - headStartMs)
      const asked = post(service, '/events/receive', body)
      await service.settle()
      const end = model.now + body.waitSeconds * 1000
      while (!model.queue.isReady(body.subscription, model.now) && model.now < end) {
        const due = model.queue.nextDue ?? end
        await passTo(model, service, Math.min(due, end, model.now + 1_000))
      }
      const answer = await service.answered(asked)
      // An event that becomes ready at the moment the wait ends may be missed.
      if (model.now < end || answer.json().events?.length !== 0) {
        checkReceived(model, answer, body.subscription, { max: body.max })
      }
    }),
  )
}

/** Lets time pass until then, unless that is in the past. */
const passTo = (model: Model, service: ServiceUnderTest, until: number): Promise<void> =>
  passTime(model, service, Math.max(until - model.now, 0))

/** How a command chooses receipts. */
interface Choices {
  receipts: { kind: 'live' | 'recent' | 'ever' | 'forged'; index: number }[]
  /** Settles them when the next lease has just ended. */
  isLate: boolean
}

const kind = fc.oneof(
  { weight: 8, arbitrary: fc.constant('live' as const) },
  { weight: 2, arbitrary: fc.constant('recent' as const) },
  { weight: 1, arbitrary: fc.constantFrom('ever' as const, 'forged' as const) },
)

const choices: Arbitrary<Choices> = fc.record({
  receipts: fc.array(fc.record({ kind, index: fc.nat() }), { minLength: 1, maxLength: 3, size: 'max' }),
  isLate: fc.nat(5).map((one) => one === 1),
})

async function choose(model: Model, service: ServiceUnderTest, { receipts, isLate }: Choices): Promise<string[]> {
  const { queue } = model
  const live = queue.liveReceipts
  const chosen = receipts.map(({ kind, index }) => {
    const from = { live, forged: live, recent: queue.receipts.slice(-5), ever: queue.receipts }[kind]
    const receipt = from[index % from.length] ?? '1-AAAAAAAAAAAAAAAA'
    // A forged receipt differs from a live one in its last character.
    return kind === 'forged' ? `${receipt.slice(0, -1)}${receipt.endsWith('Q') ? 'g' : 'Q'}` : receipt
  })
  if (isLate) await passTo(model, service, queue.nextDue ?? 0)
  return chosen
}

/** The answer to an ack, nack or extend. */
const settled = (field: string, { accepted, stale }: Settled): object => ({
  [field]: accepted,
  rejected: stale.map((receipt) => ({ receipt, code: 'RECEIPT_STALE' })),
})

export function acks(): Arbitrary<ModelCommand> {
  return choices.map((chosen) =>
    command('ack', chosen, async (model, service) => {
      const receipts = await choose(model, service, chosen)
      const body = settled('acked', model.queue.ack(receipts))
      checkAnswer(await post(service, '/events/ack', { receipts }), { status: 200, body })
    }),
  )
}

export function nacks(): Arbitrary<ModelCommand> {
  const delays = fc.constantFrom(undefined, 0, 1, 5, 60, 43_200)
  return fc.record({ chosen: choices, delaySeconds: delays }).map(({ chosen, delaySeconds }) =>
    command('nack', { ...chosen, delaySeconds }, async (model, service) => {
      const receipts = await choose(model, service, chosen)
      const body = settled('nacked', model.queue.nack(receipts, model.now, (delaySeconds ?? 0) * 1000, null))
      checkAnswer(await post(service, '/events/nack', { receipts, delaySeconds }), { status: 200, body })
    }),
  )
}

export function extensions(): Arbitrary<ModelCommand> {
  const seconds = fc.constantFrom(1, 5, 30, 3_600, 43_200)
  return fc.record({ chosen: choices, leaseSeconds: seconds }).map(({ chosen, leaseSeconds }) =>
    command('extend', { ...chosen, leaseSeconds }, async (model, service) => {
      const receipts = await choose(model, service, chosen)
      const until = model.now + leaseSeconds * 1000
      const extended = model.queue.extend(receipts, until)
      const body = { ...settled('extended', extended), leasedUntil: extended.accepted > 0 ? isoTime(until) : null }
      checkAnswer(await post(service, '/events/extend', { receipts, leaseSeconds }), { status: 200, body })
    }),
  )
}

export async function checkStats(model: Model, service: ServiceUnderTest): Promise<void> {
  for (const name of SUBSCRIPTIONS) {
    const answer = await service.send({ method: 'GET', url: `/events/stats?subscription=${name}` })
    checkAnswer(answer, { status: 200, body: model.queue.stats(name, model.now) })
  }
}

export function statistics(): Arbitrary<ModelCommand> {
  return fc.constant(command('stats', {}, checkStats))
}

/** Ids of dead letters, some twice, and some of events that are not dead. */
function deadIds(model: Model, name: SubscriptionName, ids: readonly string[], picks: number[]): string[] {
  const dead = model.queue.deadLetters(name).map(({ letter }) => letter.id)
  return picks.map((pick) => (pick % 4 === 0 ? ids[pick % ids.length] : dead[pick % dead.length]) ?? 'nothing')
}

export function redrives(ids: readonly string[]): Arbitrary<ModelCommand> {
  const picks = fc.option(fc.array(fc.nat(), { maxLength: 4 }), { nil: null })
  return fc.record({ subscription, picks }).map(({ subscription, picks }) =>
    command('redrive', { subscription, picks }, async (model, service) => {
      const body = picks === null ? {} : { ids: deadIds(model, subscription, ids, picks) }
      const answer = await post(service, '/events/dead/redrive', { subscription, ...body })
      checkAnswer(answer, { status: 200, body: { redriven: model.queue.redrive(subscription, body.ids) } })
    }),
  )
}

export function releases(ids: readonly string[]): Arbitrary<ModelCommand> {
  const chosen = fc.record({ subscription, ids: fc.subarray([...ids, 'nothing'], { minLength: 1 }) })
  return chosen.map(({ subscription, ids }) =>
    command('release', { subscription, ids }, async (model, service) => {
      const answer = await post(service, '/events/release', { subscription, ids: [...ids, ...ids.slice(0, 1)] })
      checkAnswer(answer, { status: 200, body: { released: model.queue.endLeases(subscription, ids) } })
    }),
  )
}

export function deletions(ids: readonly string[]): Arbitrary<ModelCommand> {
  return fc.record({ subscription, pick: fc.nat() }).map(({ subscription, pick }) =>
    command('delete', { subscription, pick }, async (model, service) => {
      const [id = ''] = deadIds(model, subscription, ids, [pick])
      const url = `/events/dead/${id}?subscription=${subscription}`
      const answer = await service.send({ method: 'DELETE', url })
      const isGone = model.queue.removeDead(subscription, id)
      checkAnswer(answer, isGone ? { status: 204, body: '' } : refusal('EVENT_NOT_FOUND'))
    }),
  )
}
