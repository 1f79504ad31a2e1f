import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { buildApp } from '../../../src/app.ts'
import { readConfig } from '../../../src/config/config.ts'
import type { ReceivedEvent } from '../../../src/outbox/message.ts'
import { formula } from '../../support/http/service.ts'
import { isLong } from '../extent.ts'
import { type Bench, ENGINES, type Engine, openBench } from './bench.ts'
import {
  Checks,
  EVERY_NUMBER,
  everyFault,
  FAULTS,
  type Fault,
  FaultLayer,
  type Plan,
  type Report,
} from './every-fault.ts'

/** How long an engine lets a caller wait for a call that is never answered, in milliseconds. */
const PATIENCE_MS = 11_000
/** Longer than any lease of the script. */
const AGES_MS = 200_000
/** Long enough for a sweep, which trims: events are kept no longer than they are needed. */
const SWEEP_MS = 12_000
const MAX_RECEIVES = 2
const ENV = { DATABASE_URL: 'memory:', EVENT_RETENTION_HOURS: '0' }

interface Process {
  app: FastifyInstance
  layer: FaultLayer
}

async function startProcess(bench: Bench): Promise<Process> {
  const layer = new FaultLayer(bench.clock, PATIENCE_MS)
  const stores = { ...layer.wrap(bench.stores), close: async () => {} }
  const app = buildApp(readConfig(ENV), { clock: bench.clock, random: () => 0.5, stores })
  await bench.finish(Promise.resolve(app.ready()))
  return { app, layer }
}

type Method = 'GET' | 'PUT' | 'POST' | 'DELETE'

/** What callers do, and what they know of the events of each subscription, as `subscription name`. */
class Callers {
  readonly #bench: Bench
  readonly #process: Process
  readonly #checks: Checks
  readonly acked = new Set<string>()
  /** An ack was not answered. */
  readonly perhaps = new Set<string>()

  constructor(bench: Bench, process: Process, checks: Checks) {
    this.#bench = bench
    this.#process = process
    this.#checks = checks
  }

  /** @returns the body; null when there was no answer, or the subscription is not there */
  async send(method: Method, url: string, payload?: object, headers = {}) {
    const { app, layer } = this.#process
    if (layer.dead) return null
    const sent = app.inject({ method, url, headers, ...(payload && { payload }) })
    const answer = await this.#bench.finish(Promise.race([sent, layer.death.promise]))
    if (answer === 'died') return null
    const { statusCode, body } = answer
    if (statusCode < 300) return body === '' ? {} : answer.json()
    const { code } = answer.json()
    this.#checks.check(['STORE_UNAVAILABLE', 'SUBSCRIPTION_NOT_FOUND'].includes(code), `503 or 404, not ${body}`)
    return null
  }

  async receive(subscription: string, max = 100): Promise<ReceivedEvent[]> {
    const body = { subscription, max, include: ['formula'] }
    const events: (ReceivedEvent & { formula: { name: string } | null })[] =
      (await this.send('POST', '/events/receive', body))?.events ?? []
    for (const { name, formula } of events) {
      this.#checks.check(formula?.name === name, `${name} comes with its formula`)
      this.#checks.check(
        !this.acked.has(`${subscription} ${name}`),
        `${name} was acked in ${subscription} and comes again`,
      )
    }
    return events
  }

  /** Makes the next event a dead letter. */
  async bury(subscription: string): Promise<void> {
    for (let lease = 1; lease <= MAX_RECEIVES; lease++) {
      const receipts = (await this.receive(subscription, 1)).map(({ receipt }) => receipt)
      await this.send('POST', '/events/nack', { receipts })
    }
  }

  async ack(subscription: string, events: ReceivedEvent[]): Promise<void> {
    if (events.length === 0) return
    const answer = await this.send('POST', '/events/ack', { receipts: events.map(({ receipt }) => receipt) })
    const known = answer?.acked === events.length ? this.acked : this.perhaps
    for (const { name } of events) known.add(`${subscription} ${name}`)
  }
}

/** All that operators and consumers do with subscriptions, while events are trimmed. */
async function useSubscriptions(callers: Callers, bench: Bench): Promise<void> {
  await callers.send('PUT', '/subscriptions/lab', { from: 'start' })
  await callers.ack('erp', await callers.receive('erp', 1))
  await callers.ack('default', await callers.receive('default'))
  await callers.send('POST', '/subscriptions/erp/pause')
  await bench.later(SWEEP_MS)
  await callers.send('POST', '/events/dead/redrive', { subscription: 'erp' })
  await callers.send('POST', '/subscriptions/lab/seek', { to: 'end' })
  await callers.send('POST', '/subscriptions/lab/seek', { to: 'start' })
  await callers.send('POST', '/subscriptions/erp/resume')
  await callers.send('DELETE', '/subscriptions/lab')
  await bench.later(SWEEP_MS)
}

async function run(bench: Bench, process: Process, number: number, plan: Plan<Fault>) {
  const checks = new Checks()
  const callers = new Callers(bench, process, checks)
  await callers.send('PUT', '/subscriptions/erp')
  const numbers = [1, 2, 3].map((formula) => number * 10 + formula)
  const list = numbers.map((number) => formula(number))
  await callers.send('POST', '/formulas', list, { 'idempotency-key': `run-${number}` })
  await callers.bury('erp')
  process.layer.arm(plan)
  await useSubscriptions(callers, bench)
  process.layer.mend()
  if (process.layer.dead) await bench.restart()
  const next = process.layer.dead ? await startProcess(bench) : process

  await bench.later(AGES_MS)
  const after = new Callers(bench, next, checks)
  await after.send('POST', '/subscriptions/erp/resume')
  await after.send('DELETE', '/subscriptions/lab')
  await after.send('POST', '/events/dead/redrive', { subscription: 'erp' })
  for (const subscription of ['default', 'erp']) {
    const events = await after.receive(subscription)
    for (const { name } of list) {
      const times = events.filter((event) => event.name === name).length
      const key = `${subscription} ${name}`
      if (callers.acked.has(key)) checks.check(times === 0, `${key} was acked and is still there`)
      else checks.check(times === 1 || (times === 0 && callers.perhaps.has(key)), `${key} is there ${times} times`)
    }
    await after.ack(subscription, events)
  }
  await bench.later(SWEEP_MS)
  const rest = await after.send('PUT', '/subscriptions/rest', { from: 'start' })
  checks.check(rest?.ready === 0, `what all are past is trimmed, not ${JSON.stringify(rest)}`)
  await after.send('DELETE', '/subscriptions/rest')
  return { injected: process.layer.injected, violations: checks.violations, next } satisfies Report & { next: Process }
}

function subscriptionsTest(t: Test, engine: Engine): void {
  t.test(
    `${engine}: whatever call goes wrong, each subscription gets its events, and trimming takes none of them`,
    async (t) => {
      const bench = await openBench(t, { engine, strategy: 'one transaction', maxReceives: MAX_RECEIVES })
      let process = await startProcess(bench)
      let runs = 0
      const isWhole = engine === 'memory'
      const extent = isWhole
        ? { faults: FAULTS, times: EVERY_NUMBER }
        : { faults: ['after', 'death after'] as const, times: [1] }
      await everyFault<Fault>(t, extent, async (plan) => {
        const report = await run(bench, process, ++runs, plan)
        process = report.next
        return report
      })
      await bench.finish(Promise.resolve(process.app.close()))
    },
  )
}

for (const engine of isLong ? ENGINES : ENGINES.filter((engine) => engine !== 'postgres')) subscriptionsTest(t, engine)
