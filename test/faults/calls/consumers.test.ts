import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { buildApp } from '../../../src/app.ts'
import { readConfig } from '../../../src/config/config.ts'
import type { ReceivedEvent } from '../../../src/outbox/message.ts'
import { formula } from '../../support/http/service.ts'
import { isLong } from '../extent.ts'
import { COMMIT_STRATEGIES, type CommitStrategy } from '../stores.ts'
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
const MAX_RECEIVES = 2
/** Longer than any lease and delay of the script. */
const ALL_ENDED_MS = 200_000

/** A process of the service, as its clients see it. */
interface Process {
  app: FastifyInstance
  layer: FaultLayer
}

async function startProcess(bench: Bench): Promise<Process> {
  const layer = new FaultLayer(bench.clock, PATIENCE_MS)
  const stores = { ...layer.wrap(bench.stores), close: async () => {} }
  const app = buildApp(readConfig({ DATABASE_URL: 'memory:' }), { clock: bench.clock, random: () => 0.5, stores })
  await bench.finish(Promise.resolve(app.ready()))
  return { app, layer }
}

interface Letter {
  id: string
  name: string
}

interface Answer {
  status: number
  body: Record<string, unknown>
}

/** A consumer, and what it knows of each event, by formula name. */
class Client {
  readonly #bench: Bench
  readonly #process: Process
  readonly #checks: Checks
  /** Ended for good, for certain. */
  readonly gone = new Set<string>()
  /** Perhaps ended: asked for, and not answered. */
  readonly perhaps = new Set<string>()

  constructor(bench: Bench, process: Process, checks: Checks) {
    this.#bench = bench
    this.#process = process
    this.#checks = checks
  }

  /** @returns null when there was no answer: the store failed, or the process died */
  async send(method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object, headers = {}): Promise<Answer | null> {
    const { app, layer } = this.#process
    if (layer.dead) return null
    const sent = app.inject({ method, url, headers, ...(payload && { payload }) })
    const answer = await this.#bench.finish(Promise.race([sent, layer.death.promise]))
    if (answer === 'died') return null
    const body = answer.body === '' ? {} : answer.json()
    if (answer.statusCode < 300) return { status: answer.statusCode, body }
    this.#checks.check(answer.statusCode === 503 || answer.statusCode === 404, `503 or 404, not ${answer.body}`)
    if (answer.statusCode === 404) return { status: 404, body }
    this.#checks.check(body.code === 'STORE_UNAVAILABLE', `a clean 503, not ${answer.body}`)
    this.#checks.check(answer.headers['retry-after'] !== undefined, 'with Retry-After')
    return null
  }

  async receive(max: number, leaseSeconds = 30): Promise<ReceivedEvent[]> {
    const answer = await this.send('POST', '/events/receive', { max, leaseSeconds })
    const events = (answer?.body.events ?? []) as ReceivedEvent[]
    for (const { name } of events) this.#checks.check(!this.gone.has(name), `${name} is gone and comes again`)
    return events
  }

  async ack(event: ReceivedEvent | undefined): Promise<void> {
    if (event === undefined) return
    const answer = await this.send('POST', '/events/ack', { receipts: [event.receipt] })
    if (answer === null) this.perhaps.add(event.name)
    if (answer?.body.acked === 1) this.gone.add(event.name)
  }

  async nack(event: ReceivedEvent | undefined, delaySeconds = 0): Promise<void> {
    if (event !== undefined) await this.send('POST', '/events/nack', { receipts: [event.receipt], delaySeconds })
  }

  async removeDead({ id, name }: Letter): Promise<void> {
    const answer = await this.send('DELETE', `/events/dead/${id}`)
    if (answer === null) this.perhaps.add(name)
    if (answer?.status === 204) this.gone.add(name)
  }
}

/** Seven formulas; the events of the first two are dead letters. */
async function prepare(client: Client, run: number): Promise<{ names: string[]; dead: Letter[] }> {
  const numbers = [1, 2, 3, 4, 5, 6, 7].map((number) => run * 10 + number)
  await client.send(
    'POST',
    '/formulas',
    numbers.map((number) => formula(number)),
    { 'idempotency-key': `run-${run}` },
  )
  for (let lease = 1; lease <= MAX_RECEIVES; lease++)
    for (const event of await client.receive(2)) await client.nack(event)
  const answer = await client.send('GET', '/events/dead')
  return { names: numbers.map((number) => `Formula ${number}`), dead: (answer?.body.events ?? []) as Letter[] }
}

/** All that consumers and operators do with events, each once. */
async function useEvents(client: Client, dead: Letter[]): Promise<void> {
  const [first, second, third] = await client.receive(3, 60)
  await client.ack(first)
  await client.nack(second)
  await client.nack(third, 20)
  const [again, other] = await client.receive(2)
  if (again) await client.send('POST', '/events/extend', { receipts: [again.receipt], leaseSeconds: 90 })
  if (again) await client.send('POST', '/events/release', { ids: [again.id] })
  await client.nack(again)
  await client.ack(other)
  await client.ack(other)
  await client.send('GET', '/events/stats')
  if (dead[0]) await client.send('POST', '/events/dead/redrive', { ids: [dead[0].id] })
  if (dead[1]) await client.removeDead(dead[1])
  await client.send('GET', '/events/dead')
  await client.send('POST', '/events/dead/redrive', {})
}

/** Receives all there is, acks it, and takes the dead letters away. @returns the names it saw, each as often as seen */
async function drain(client: Client, bench: Bench): Promise<string[]> {
  const seen: string[] = []
  await bench.later(ALL_ENDED_MS)
  const answer = await client.send('GET', '/events/dead?limit=200')
  for (const letter of (answer?.body.events ?? []) as Letter[]) {
    seen.push(letter.name)
    await client.removeDead(letter)
  }
  const events = await client.receive(100)
  for (const event of events) {
    seen.push(event.name)
    await client.ack(event)
  }
  return seen
}

/** @returns also the process for the next run: a new one after a death */
async function run(
  bench: Bench,
  process: Process,
  number: number,
  plan: Plan<Fault>,
): Promise<Report & { next: Process }> {
  const checks = new Checks()
  const client = new Client(bench, process, checks)
  const { names, dead } = await prepare(client, number)
  process.layer.arm(plan)
  await useEvents(client, dead)
  process.layer.mend()
  if (process.layer.dead) await bench.restart()
  const next = process.layer.dead ? await startProcess(bench) : process

  await bench.later(ALL_ENDED_MS)
  const after = new Client(bench, next, checks)
  const stats = (await after.send('GET', '/events/stats'))?.body as Record<string, number>
  const seen = await drain(after, bench)
  const { ready = 0, leased = 0, delayed = 0, dead: letters = 0 } = stats
  checks.check(ready + leased + delayed + letters === seen.length, `${JSON.stringify(stats)} counts ${seen.length}`)
  for (const name of names) {
    const times = seen.filter((other) => other === name).length
    if (client.gone.has(name)) checks.check(times === 0, `${name} was acked or deleted and is still there`)
    else checks.check(times === 1 || (times === 0 && client.perhaps.has(name)), `${name} is there ${times} times`)
  }
  const emptied = (await after.send('GET', '/events/stats'))?.body ?? {}
  checks.check(emptied.ready === 0 && emptied.leased === 0 && emptied.dead === 0, `${JSON.stringify(emptied)} is empty`)
  return { injected: process.layer.injected, violations: checks.violations, next }
}

/**
 * In memory every run tries all faults. On disk the short run tries only those that behave differently there, and even
 * fewer with a saga, whose queue is the same.
 */
function extentOf(engine: Engine, strategy: CommitStrategy) {
  const isWhole = engine !== 'postgres' && (isLong || (engine === 'memory' && strategy === 'one transaction'))
  if (isWhole) return { faults: FAULTS, times: EVERY_NUMBER }
  const faults = isLong || strategy === 'one transaction' ? (['after', 'death after'] as const) : (['after'] as const)
  return { faults, times: [1] }
}

function consumersTest(t: Test, engine: Engine, strategy: CommitStrategy): void {
  t.test(`${engine}, ${strategy}: whatever call of a consumer goes wrong, no event is lost or doubled`, async (t) => {
    const bench = await openBench(t, { engine, strategy, maxReceives: MAX_RECEIVES })
    let process = await startProcess(bench)
    let runs = 0
    await everyFault(t, extentOf(engine, strategy), async (plan) => {
      const report = await run(bench, process, ++runs, plan)
      process = report.next
      return report
    })
    await bench.finish(Promise.resolve(process.app.close()))
  })
}

// Each run lets more time pass than the short one has for PostgreSQL.
const engines = isLong ? ENGINES : ENGINES.filter((engine) => engine !== 'postgres')
for (const engine of engines) for (const strategy of COMMIT_STRATEGIES) consumersTest(t, engine, strategy)
