import assert from 'node:assert/strict'
import fc, { type Scheduler } from 'fast-check'
import t from 'tap'
import { DEFAULT } from '../../contract/leasing.ts'
import type { ShownFormula } from '../../support/http/service.ts'
import { sized } from '../extent.ts'
import { count } from '../figures.ts'
import { Clients } from './clients.ts'
import { isExplained } from './explanation.ts'
import { InterleavedService, WAYS, type Way } from './interleaved-service.ts'
import { askIds } from './make-ups.ts'
import { LONGEST_MS, repeatOf, report } from './repeat.ts'
import { SCENARIOS, type Scenario } from './scenarios.ts'

/** By then every lease is over and all that was owed is done, in milliseconds. */
const ALL_ENDED_MS = 40_000

t.setTimeout(LONGEST_MS)
const ids = await askIds()

async function run(way: Way, scheduler: Scheduler, scenario: Scenario): Promise<void> {
  const { submissions, consumers, jumps, crashAfter } = scenario
  const service = new InterleavedService(way, scheduler, crashAfter)
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

/** Everything is as if the submissions had come one after another, each stored once, with one event for each formula. */
async function judge({ stores, record }: InterleavedService, clients: Clients, scenario: Scenario): Promise<void> {
  const { items } = await stores.db.list({ limit: 200 })
  const stored: ShownFormula[] = items.reverse().map(({ document }) => JSON.parse(document))
  if (scenario.jumps.length === 0) assert.equal(clients.refusals, 0, 'nobody is refused while no time passes')
  assert.ok(isExplained(clients.operations, stored), `no order explains ${JSON.stringify(clients.operations)}`)
  const byId = new Map(stored.map((formula) => [formula.id, formula]))
  for (const { answer } of clients.operations) {
    if (answer?.status !== 200) continue
    for (const { outcome: _, ...formula } of JSON.parse(`${answer.body}`).formulas) {
      assert.deepEqual(formula, byId.get(formula.id), 'what was answered is what is stored')
    }
  }
  assert.deepEqual(await stores.cleanups.list(10), [], 'no cleanup is owed')
  const { events: ready } = await stores.queue.receive(DEFAULT, 100, 1)
  const { items: dead } = await stores.queue.dead(DEFAULT, 100)
  const events = [...record.acked, ...[...ready, ...dead].map(({ id }) => id)]
  assert.deepEqual(events.sort(), [...byId.keys()].sort(), 'one event for each formula')
  if (scenario.crashAfter === null) {
    assert.deepEqual(clients.received.sort(), [...record.receipts].sort(), 'what is leased reaches a consumer')
  }
}

function interleavingTest(title: string, way: Way, stream: number, scenarios: fc.Arbitrary<Scenario>): void {
  t.test(`${way}: ${title}`, async (t) => {
    const name = `${title} (${way})`.replaceAll(',', '')
    const repeat = repeatOf(name, { runs: sized(60, 800), stream })
    if (repeat === null) return t.comment('another one is repeated')
    const property = fc.asyncProperty(fc.scheduler(), scenarios, (scheduler, scenario) => run(way, scheduler, scenario))
    report(t, name, await fc.check(property, repeat.parameters))
  })
}

WAYS.forEach((way, index) => {
  Object.entries(SCENARIOS).forEach(([title, scenarios], number) => {
    interleavingTest(title, way, 10 * (index + 1) + number, scenarios)
  })
})
