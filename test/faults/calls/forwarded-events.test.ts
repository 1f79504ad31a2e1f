import t, { type Test } from 'tap'
import { Forwarder } from '../../../src/outbox/forwarder.ts'
import type { Message, SendResult, Sink } from '../../../src/outbox/sink.ts'
import type { EventQueue } from '../../../src/stores/ports.ts'
import { readIn } from '../../contract/leasing.ts'
import { events } from '../../contract/submissions.ts'
import { FAILED, REFUSED, TAKEN } from '../../support/receiver.ts'
import { isLong } from '../extent.ts'
import { type Bench, ENGINES, type Engine, openBench } from './bench.ts'
import { Checks, EVERY_NUMBER, everyFault, FAULTS, type Fault, FaultLayer, type Plan } from './every-fault.ts'

/** How long an engine lets a caller wait for a call that is never answered, in milliseconds. */
const PATIENCE_MS = 11_000
/** Long enough for a call to the sink that is never answered, and for what follows it. */
const FORWARDING_MS = 20_000
/** Long enough for leases to end, and for late calls and what they lease. */
const AGES_MS = 300_000
const SINK = 'lab'

/** What becomes of an event when it is sent for the first time; it is taken after that. */
const FIRST: Record<string, SendResult | 'no answer'> = {
  taken: TAKEN,
  failed: FAILED,
  refused: REFUSED,
  hung: 'no answer',
  gone: { kind: 'gone', reason: 'The answer was 410' },
  last: TAKEN,
}

/** A sink that does everything once that a sink may do. */
class MoodySink implements Sink {
  readonly batchSize = 2
  readonly taken = new Set<string>()
  readonly #sent = new Set<string>()

  async send(messages: Message[]): Promise<SendResult[]> {
    const names = messages.map(({ json }): string => JSON.parse(json).data.name)
    const results = names.map((name) => (this.#sent.has(name) ? TAKEN : (FIRST[name.split(' ')[1] as string] ?? TAKEN)))
    for (const name of names) this.#sent.add(name)
    if (results.includes('no answer')) return new Promise(() => {})
    for (const [index, name] of names.entries()) if (results[index] === TAKEN) this.taken.add(name)
    return results as SendResult[]
  }

  close(): void {}
}

function startForwarder(queue: EventQueue, sink: Sink, { clock }: Bench): Forwarder {
  const log = { info: () => {}, warn: () => {} }
  const forwarder = new Forwarder(queue, sink, { subscription: SINK, source: '/', clock, random: () => 0.5, log })
  forwarder.start()
  return forwarder
}

/** Lets time pass in small steps; whatever all have passed is trimmed after each. */
async function passTrimming(bench: Bench, ms: number, isOver = async () => false): Promise<void> {
  for (let passed = 0; passed < ms && !(await isOver()); passed += 2_000) {
    await bench.later(2_000)
    await bench.stores.queue.trim(bench.clock.now(), 100)
  }
}

async function run(bench: Bench, number: number, plan: Plan<Fault>) {
  const checks = new Checks()
  const layer = new FaultLayer(bench.clock, PATIENCE_MS)
  const sink = new MoodySink()
  const names = Object.keys(FIRST).map((kind) => `${number} ${kind}`)
  await bench.stores.queue.release(`run-${number}`, events(names))
  checks.check((await readIn(bench.stores.queue, 'default')) === names.join(''), 'another subscription has them all')
  layer.arm(plan)
  const forwarder = startForwarder(layer.wrap(bench.stores).queue, sink, bench)
  await passTrimming(bench, FORWARDING_MS)
  layer.mend()
  if (layer.dead) await bench.restart()
  const { queue } = bench.stores
  const successor = layer.dead ? startForwarder(queue, sink, bench) : forwarder
  await passTrimming(bench, AGES_MS, async () => {
    await queue.pause(SINK, false)
    const { ready, leased, delayed } = await queue.stats(SINK)
    return ready + leased + delayed === 0
  })
  await bench.finish(successor.stop())
  const { oldestReadyAgeSeconds: _, ...left } = await queue.stats(SINK)
  checks.check(
    Object.values(left).every((count) => count === 0),
    `none is left or dead: ${JSON.stringify(left)}`,
  )
  for (const name of names) checks.check(sink.taken.has(name), `${name} is taken`)
  return { injected: layer.injected, violations: checks.violations }
}

function forwardingTest(t: Test, engine: Engine): void {
  t.test(`${engine}: whatever call of a forwarder goes wrong, its sink takes every event`, async (t) => {
    const bench = await openBench(t, { engine, strategy: 'one transaction' })
    await bench.stores.queue.subscribe(SINK, 'end')
    let runs = 0
    const extent =
      engine === 'memory' || (engine === 'sqlite' && isLong)
        ? { faults: FAULTS, times: EVERY_NUMBER }
        : { faults: ['after', 'death after'] as const, times: [1] }
    await everyFault<Fault>(t, extent, (plan) => run(bench, ++runs, plan))
  })
}

for (const engine of isLong ? ENGINES : ENGINES.filter((engine) => engine !== 'postgres')) forwardingTest(t, engine)
