import fc, { type Arbitrary } from 'fast-check'
import type { Answer } from '../../support/http/service.ts'
import { checkAnswer, command, type ModelCommand } from './command.ts'
import { isoTime, type Model, passTime, refusal } from './model.ts'
import * as queueModel from './model-queue.ts'
import { LEASE_SECONDS, type ServiceUnderTest } from './service-under-test.ts'

export const post = (service: ServiceUnderTest, url: string, body?: object): Promise<Answer> =>
  service.send({ method: 'POST', url, ...(body === undefined ? {} : { payload: body }) })

const leaseSeconds = fc.constantFrom(undefined, 1, 5, 30, 3_600, 43_200)

/** Checks what was received; the receipts are the service's own affair. */
export function checkReceived(model: Model, answer: Answer, max: number, leaseSeconds: number): void {
  const given: { receipt: string }[] = answer.json().events ?? []
  const receiptOf = (index: number): string => {
    const { receipt = '' } = given[index] ?? {}
    if (receipt === '' || model.queue.receipts.includes(receipt)) throw new Error(`The receipt "${receipt}" is not new`)
    return receipt
  }
  const expected = queueModel.receive(model.queue, model.now, max, leaseSeconds * 1000, receiptOf)
  checkAnswer(answer, { status: 200, body: { events: expected } })
}

export function receives(): Arbitrary<ModelCommand> {
  const max = fc.constantFrom(undefined, 1, 2, 3, 10, 100)
  return fc.record({ max, leaseSeconds }).map((body) =>
    command('receive', body, async (model, service) => {
      const isEmpty = body.max === undefined && body.leaseSeconds === undefined
      const answer = await post(service, '/events/receive', isEmpty ? undefined : body)
      checkReceived(model, answer, body.max ?? 1, body.leaseSeconds ?? LEASE_SECONDS)
    }),
  )
}

/** Waits for an event: it comes at once, or when a lease or delay ends within the time; else the wait is over. */
export function waits(): Arbitrary<ModelCommand> {
  const max = fc.constantFrom(1, 3)
  const waitSeconds = fc.integer({ min: 1, max: 3 })
  return fc.record({ max, waitSeconds, headStartMs: fc.constantFrom(0, 1, 700) }).map(({ headStartMs, ...body }) =>
    command('wait', { ...body, headStartMs }, async (model, service) => {
      if (headStartMs > 0) await passTo(model, service, (queueModel.nextDue(model.queue) ?? 0) - headStartMs)
      const asked = post(service, '/events/receive', body)
      await service.settle()
      const end = model.now + body.waitSeconds * 1000
      while (!queueModel.isReady(model.queue) && model.now < end) {
        const due = queueModel.nextDue(model.queue) ?? end
        await passTo(model, service, Math.min(due, end, model.now + 1_000))
      }
      const answer = await service.answered(asked)
      // What becomes ready in the very moment the wait ends may come too late for it.
      if (model.now < end || answer.json().events?.length !== 0) checkReceived(model, answer, body.max, LEASE_SECONDS)
    }),
  )
}

/** Lets time pass until then, if that is yet to come. */
async function passTo(model: Model, service: ServiceUnderTest, until: number): Promise<void> {
  const ms = Math.max(until - model.now, 0)
  passTime(model, ms)
  await service.passTime(ms)
}

/** How receipts are chosen when a command runs. */
interface Choices {
  receipts: { kind: 'live' | 'recent' | 'ever' | 'forged'; index: number }[]
  /** The answer comes when the next lease has just ended. */
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
  const live = queueModel.liveReceipts(queue)
  const chosen = receipts.map(({ kind, index }) => {
    const from = { live, forged: live, recent: queue.receipts.slice(-5), ever: queue.receipts }[kind]
    const receipt = from[index % from.length] ?? '1-AAAAAAAAAAAAAAAA'
    // One that is forged differs from a live one in its last character.
    return kind === 'forged' ? `${receipt.slice(0, -1)}${receipt.endsWith('Q') ? 'g' : 'Q'}` : receipt
  })
  if (isLate) await passTo(model, service, queueModel.nextDue(queue) ?? 0)
  return chosen
}

export function acks(): Arbitrary<ModelCommand> {
  return choices.map((chosen) =>
    command('ack', chosen, async (model, service) => {
      const receipts = await choose(model, service, chosen)
      const { settled, rejected } = queueModel.ack(model.queue, receipts)
      checkAnswer(await post(service, '/events/ack', { receipts }), { status: 200, body: { acked: settled, rejected } })
    }),
  )
}

export function nacks(): Arbitrary<ModelCommand> {
  const delays = fc.constantFrom(undefined, 0, 1, 5, 60, 43_200)
  return fc.record({ chosen: choices, delaySeconds: delays }).map(({ chosen, delaySeconds }) =>
    command('nack', { ...chosen, delaySeconds }, async (model, service) => {
      const receipts = await choose(model, service, chosen)
      const { settled, rejected } = queueModel.nack(model.queue, model.now, receipts, (delaySeconds ?? 0) * 1000)
      const answer = await post(service, '/events/nack', { receipts, delaySeconds })
      checkAnswer(answer, { status: 200, body: { nacked: settled, rejected } })
    }),
  )
}

export function extensions(): Arbitrary<ModelCommand> {
  const seconds = fc.constantFrom(1, 5, 30, 3_600, 43_200)
  return fc.record({ chosen: choices, leaseSeconds: seconds }).map(({ chosen, leaseSeconds }) =>
    command('extend', { ...chosen, leaseSeconds }, async (model, service) => {
      const receipts = await choose(model, service, chosen)
      const until = model.now + leaseSeconds * 1000
      const { settled, rejected } = queueModel.extend(model.queue, receipts, until)
      const leasedUntil = settled > 0 ? isoTime(until) : null
      const answer = await post(service, '/events/extend', { receipts, leaseSeconds })
      checkAnswer(answer, { status: 200, body: { extended: settled, leasedUntil, rejected } })
    }),
  )
}

export async function checkStats(model: Model, service: ServiceUnderTest): Promise<void> {
  const answer = await service.send({ method: 'GET', url: '/events/stats' })
  checkAnswer(answer, { status: 200, body: queueModel.stats(model.queue, model.now) })
}

export function statistics(): Arbitrary<ModelCommand> {
  return fc.constant(command('stats', {}, checkStats))
}

/** Ids of dead letters, some of them twice, and some of what is not dead. */
function deadIds(model: Model, ids: readonly string[], picks: number[]): string[] {
  const dead = model.queue.dead.map(({ id }) => id)
  return picks.map((pick) => (pick % 4 === 0 ? ids[pick % ids.length] : dead[pick % dead.length]) ?? 'nothing')
}

export function redrives(ids: readonly string[]): Arbitrary<ModelCommand> {
  const picks = fc.option(fc.array(fc.nat(), { maxLength: 4 }), { nil: null })
  return picks.map((picks) =>
    command('redrive', { picks }, async (model, service) => {
      const body = picks === null ? undefined : { ids: deadIds(model, ids, picks) }
      const answer = await post(service, '/events/dead/redrive', body)
      checkAnswer(answer, { status: 200, body: { redriven: queueModel.redrive(model.queue, body?.ids) } })
    }),
  )
}

export function releases(ids: readonly string[]): Arbitrary<ModelCommand> {
  return fc.subarray([...ids, 'nothing'], { minLength: 1 }).map((ids) =>
    command('release', { ids }, async (model, service) => {
      const answer = await post(service, '/events/release', { ids: [...ids, ...ids.slice(0, 1)] })
      checkAnswer(answer, { status: 200, body: { released: queueModel.endLeases(model.queue, ids) } })
    }),
  )
}

export function deletions(ids: readonly string[]): Arbitrary<ModelCommand> {
  return fc.nat().map((pick) =>
    command('delete', { pick }, async (model, service) => {
      const [id = ''] = deadIds(model, ids, [pick])
      const answer = await service.send({ method: 'DELETE', url: `/events/dead/${id}` })
      const isGone = queueModel.removeDead(model.queue, id)
      checkAnswer(answer, isGone ? { status: 204, body: '' } : refusal('EVENT_NOT_FOUND'))
    }),
  )
}
