import assert from 'node:assert/strict'
import fc, { type Arbitrary, type Scheduler } from 'fast-check'
import t from 'tap'
import { showFormula } from '../../../src/formula/formula.ts'
import { DEFAULT } from '../../contract/leasing.ts'
import { listed } from '../../contract/submissions.ts'
import type { ShownFormula } from '../../support/http/service.ts'
import { sized } from '../extent.ts'
import { count } from '../figures.ts'
import { COMMIT_STRATEGIES, type CommitStrategy } from '../stores.ts'
import { Clients, type Consumption } from './clients.ts'
import { askIds, SPELLINGS } from './compositions.ts'
import { isExplained } from './explanation.ts'
import { InterleavedService } from './interleaved-service.ts'
import { LONGEST_MS, repeatOf, report } from './repeat.ts'
import type { Plan } from './submit-commands.ts'

/** The concurrent actions of one run; the scheduler chooses their order. */
interface Scenario {
  submissions: Plan[]
  consumers: Consumption[]
  /** Advances of the clock at any moment, in milliseconds. */
  jumps: number[]
  /** The process dies after this many calls and replies; null: it survives. */
  crashAfter: number | null
}

const formula = fc.record({ composition: fc.nat(2), spelling: fc.nat(SPELLINGS - 1), name: fc.nat(1) })

/** Conflicting submissions: two keys, three compositions. */
const rivals: Arbitrary<Plan> = fc.record({
  key: fc.nat(1),
  quoted: fc.boolean(),
  onDuplicate: fc.constantFrom('reject' as const, 'skip' as const),
  single: fc.constant(false),
  formulas: fc.oneof(
    fc.array(formula, { minLength: 1, maxLength: 3, size: 'max' }),
    // The same compositions in another order, and the same payload again, are frequent.
    fc
      .constantFrom([0, 1], [1, 0], [0])
      .map((list) => list.map((composition) => ({ composition, spelling: 0, name: 0 }))),
  ),
})

const consumptions: Arbitrary<Consumption> = fc.record({
  max: fc.integer({ min: 1, max: 3 }),
  waitMs: fc.constantFrom(0, 1_000, 5_000),
  leaseMs: fc.constantFrom(1_000, 30_000),
  answer: fc.constantFrom('ack', 'nack', 'extend', 'nothing'),
})

const submissions = fc.array(rivals, { minLength: 2, maxLength: 4, size: 'max' })
const consumers = fc.array(consumptions, { maxLength: 3, size: 'max' })
const jumps = fc.array(fc.constantFrom(100, 1_000, 5_000, 31_000), { minLength: 1, maxLength: 3, size: 'max' })
const crashAfter = fc.integer({ min: 1, max: 60 })

const calm = (scenario: Pick<Scenario, 'submissions'> & Partial<Scenario>): Scenario => {
  return { consumers: [], jumps: [], crashAfter: null, ...scenario }
}

/** The kinds of runs, by what they test. */
const SCENARIOS: Record<string, Arbitrary<Scenario>> = {
  'submissions at once are answered as if they had come one after another': fc.record({ submissions }).map(calm),
  'consumers at once get each event, one at a time': fc.record({ submissions, consumers }).map(calm),
  'whatever takes however long, nothing is lost or doubled': fc.record({ submissions, consumers, jumps }).map(calm),
  'a process that dies at any moment leaves nothing half done': fc
    .record({ submissions, consumers, crashAfter })
    .map(calm),
}

/** By then every lease has ended and all recovery is done, in milliseconds. */
const ALL_ENDED_MS = 40_000

t.setTimeout(LONGEST_MS)
const ids = await askIds()

async function run(strategy: CommitStrategy, scheduler: Scheduler, scenario: Scenario): Promise<void> {
  const { submissions, consumers, jumps, crashAfter } = scenario
  const service = new InterleavedService(strategy, scheduler, crashAfter)
  const clients = new Clients(service, ids)
  const all = [
    ...submissions.map((plan) => clients.submit(plan)),
    ...consumers.map((consumption) => clients.consume(consumption)),
    ...jumps.map((ms) => clients.jump(ms)),
  ]
  try {
    await service.drive(Promise.all(all))
    await service.idle(ALL_ENDED_MS)
    await judge(service, clients, scenario)
  } finally {
    await service.close()
    count('modelSteps', clients.operations.length + 2 * consumers.length)
  }
}

/** The submissions look serial, each formula is stored once, and has one event. */
async function judge({ stores, record }: InterleavedService, clients: Clients, scenario: Scenario): Promise<void> {
  const { items } = await listed(stores.db, { limit: 200 })
  const stored: ShownFormula[] = items.reverse().map((item) => JSON.parse(showFormula(item)))
  if (scenario.jumps.length === 0) assert.equal(clients.refusals, 0, 'no 503 while no time passes')
  assert.ok(isExplained(clients.operations, stored), `no order explains ${JSON.stringify(clients.operations)}`)
  const byId = new Map(stored.map((formula) => [formula.id, formula]))
  for (const { answer } of clients.operations) {
    if (answer?.status !== 200) continue
    for (const { outcome: _, ...formula } of JSON.parse(`${answer.body}`).formulas) {
      assert.deepEqual(formula, byId.get(formula.id), 'the answer shows the stored formula')
    }
  }
  assert.deepEqual(await stores.cleanups.list(10), [], 'no cleanup is left')
  const { events: ready } = await stores.queue.receive(DEFAULT, 100, 1)
  const { items: dead } = await stores.queue.dead(DEFAULT, 100)
  const events = [...record.acked, ...[...ready, ...dead].map(({ id }) => id)]
  assert.deepEqual(events.sort(), [...byId.keys()].sort(), 'one event for each formula')
  if (scenario.crashAfter === null) {
    assert.deepEqual(clients.received.sort(), [...record.receipts].sort(), 'every lease reaches a consumer')
  }
}

function interleavingTest(
  title: string,
  strategy: CommitStrategy,
  stream: number,
  scenarios: fc.Arbitrary<Scenario>,
): void {
  t.test(`${strategy}: ${title}`, async (t) => {
    const name = `${title} (${strategy})`.replaceAll(',', '')
    const repeat = repeatOf(name, { runs: sized(60, 800), stream })
    if (repeat === null) return t.comment('another property is repeated')
    const property = fc.asyncProperty(fc.scheduler(), scenarios, (scheduler, scenario) =>
      run(strategy, scheduler, scenario),
    )
    report(t, name, await fc.check(property, repeat.parameters))
  })
}

COMMIT_STRATEGIES.forEach((strategy, index) => {
  Object.entries(SCENARIOS).forEach(([title, scenarios], number) => {
    interleavingTest(title, strategy, 10 * (index + 1) + number, scenarios)
  })
})
