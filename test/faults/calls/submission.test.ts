import t from 'tap'
import { openMemory, openMemoryQueue } from '../../../src/stores/memory/engine.ts'
import type { Stores } from '../../../src/stores/ports.ts'
import { Orchestrator } from '../../../src/submission/orchestrator.ts'
import type { SubmissionRequest } from '../../../src/submission/outcome.ts'
import { passTime, request } from '../../submission/bench.ts'
import { TestClock } from '../../test-clock.ts'
import { FAULTS, FaultLayer, type Plan } from './fault-layer.ts'

type Way = 'one transaction' | 'saga'

/** What is submitted, onto a store that knows formula 9 already. */
const CASES: Record<string, { submitted: SubmissionRequest; added: string[] }> = {
  'one formula': { submitted: request('k', ['1']), added: ['Formula 1'] },
  'a list': { submitted: request('k', ['1', '2']), added: ['Formula 1', 'Formula 2'] },
  'a list with a duplicate skipped': {
    submitted: request('k', ['9', '2'], { onDuplicate: 'skip' }),
    added: ['Formula 2'],
  },
  'a duplicate': { submitted: request('k', ['1', '9']), added: [] },
}

function openStores(way: Way, clock: TestClock): Stores {
  const options = { clock, answerTtlMs: 86_400_000, maxReceives: 5 }
  const memory = openMemory(options)
  return way === 'saga' ? { ...memory, queue: openMemoryQueue(options), intake: null } : memory
}

function startProcess(stores: Stores, clock: TestClock, name: string): Orchestrator {
  const log = { warn: () => {}, error: () => {} }
  let ids = 0
  const newId = (): string => `${name}-${++ids}`
  const limits = { retries: 3, baseMs: 1_000, maxMs: 10_000, deadlineMs: 30_000, waitMs: 10_000 }
  return new Orchestrator(stores, { ...limits, clock, random: () => 0.5, newId, log })
}

async function namesIn(stores: Stores): Promise<{ formulas: string[]; events: string[] }> {
  const { items } = await stores.db.list({ limit: 200 })
  const { events } = await stores.queue.receive(100, 1)
  return { formulas: items.map(({ name }) => name).sort(), events: events.map(({ name }) => name).sort() }
}

const later = (clock: TestClock, ms: number): Promise<void> =>
  passTime(clock, new Promise<void>((resolve) => clock.after(ms, resolve)))

interface Report {
  injected: number
  /** What was broken of the promise; none when it was kept. */
  violations: string[]
}

/** Runs one submission with one plan of faults, lets everything settle, sends it again, and judges what is there. */
async function run(way: Way, name: string, plan: Plan): Promise<Report> {
  const { submitted, added } = CASES[name] as (typeof CASES)[string]
  const clock = new TestClock()
  const stores = openStores(way, clock)
  const before = startProcess(stores, clock, 'before')
  await passTime(clock, before.submit(request('known', ['9'])))
  await before.close()

  const layer = new FaultLayer(plan, clock)
  let service = startProcess(layer.wrap(stores), clock, 'first')
  await passTime(clock, service.start())
  layer.arm()
  const outcome = await passTime(clock, Promise.race([service.submit(submitted), layer.death.promise]))
  layer.mend()
  const owed = outcome === 'died' ? [] : await service.cleanups.list()
  if (outcome === 'died') {
    service = startProcess(stores, clock, 'second')
    await passTime(clock, service.start())
  }
  await later(clock, 120_000)

  const violations: string[] = []
  const check = (holds: boolean, promise: string): void => {
    if (!holds) violations.push(promise)
  }
  const settled = await namesIn(stores)
  const all = ['Formula 9', ...added].sort()
  const isAll = String(settled.formulas) === String(all) && String(settled.events) === String(all)
  const isNone = String(settled.formulas) === 'Formula 9' && String(settled.events) === 'Formula 9'
  check(isAll || isNone, `all or nothing, not ${JSON.stringify(settled)}`)
  if (outcome !== 'died') {
    if (outcome.kind === 'answered' && outcome.answer.status === 200) check(isAll, 'what was answered 200 is stored')
    if (outcome.kind === 'failed') check(isNone || owed.length > 0, 'what was refused leaves no trace')
    check(outcome.kind === 'answered' || outcome.kind === 'failed', `answered or failed, not ${outcome.kind}`)
  }
  check((await stores.cleanups.list(10)).length === 0, 'no cleanup stays')
  check((await service.cleanups.list()).length === 0, 'no rollback stays owed')
  const again = await passTime(clock, service.submit(submitted))
  check(again.kind === 'answered', `the key ends well, not ${again.kind}`)
  check(again.kind !== 'answered' || again.answer.status === (added.length > 0 ? 200 : 409), 'with the right answer')
  await later(clock, 120_000)
  const final = await namesIn(stores)
  check(String(final.formulas) === String(all), `stored once: ${final.formulas}`)
  check(String(final.events) === String(all), `one event each: ${final.events}`)
  check((await passTime(clock, service.submit(request('k', ['5'])))).kind === 'reused', 'another payload is refused')
  await passTime(clock, service.close())
  return { injected: layer.injected, violations }
}

for (const way of ['one transaction', 'saga'] as const) {
  for (const name of Object.keys(CASES)) {
    t.test(`${way}, ${name}: whatever call goes wrong, it is stored once or not at all`, async (t) => {
      let injected = 0
      for (const fault of FAULTS) {
        for (const times of fault.startsWith('death') ? [1] : [1, 2, Infinity]) {
          for (let first = 1; ; first++) {
            const report = await run(way, name, { first, times, fault })
            if (report.injected === 0) break
            injected += report.injected
            if (report.violations.length > 0) t.fail(`call ${first}, ${fault}, ${times} times`, report)
          }
        }
      }
      t.ok(injected > 20, `${injected} faults`)
    })
  }
}
