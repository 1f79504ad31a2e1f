import { test } from 'tap'
import { Calendar } from '../../bench/scale/calendar.ts'
import { type Model, type Outcome, simulate as simulateFor } from '../../bench/scale/simulate.ts'

/** Everything free but what a test sets. */
const free: Model = {
  instances: 1,
  arrivals: { clients: 64 },
  serviceCores: 1,
  serviceUs: { before: 0, after: 0 },
  connections: 3,
  mostMembers: 256,
  networkUs: 0,
  primaryCores: 1,
  primaryUs: { batch: 0, member: 0 },
  syncUs: 0,
}

/** Long enough for what does not come by chance. */
const simulate = (model: Model, seconds = 2): Outcome => simulateFor(model, seconds)

/** Numbers from 0 to 1, the same in each run. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const isNear = (found: number, expected: number, share: number): boolean => Math.abs(found / expected - 1) <= share

test('what is planned happens in the order of its time, then of its planning', async (t) => {
  const calendar = new Calendar()
  const happened: number[] = []
  for (const at of [5, 3, 9, 3, 1, 7]) calendar.after(at, () => happened.push(at))
  calendar.after(2, () => calendar.after(2, () => happened.push(4)))
  calendar.runUntil(8)
  t.same(happened, [1, 3, 3, 4, 5, 7])
  t.equal(calendar.now, 8)
})

test('one core and arrivals by chance wait as M/D/1 says', async (t) => {
  const workUs = 100
  for (const load of [0.3, 0.6, 0.8]) {
    const arrivals = { perSecond: load * 1e4, random: randomFrom(7) }
    const primaryUs = { batch: 0, member: workUs }
    const { latencyMs, busy } = simulate({ ...free, arrivals, connections: 1e6, mostMembers: 1, primaryUs }, 30)
    const expected = (workUs + (load * workUs) / (2 * (1 - load))) / 1000
    t.ok(isNear(latencyMs, expected, 0.03), `${latencyMs} ms, ${expected} expected`)
    t.ok(isNear(busy.primary, load, 0.02))
  }
})

test('the one thread of an instance is a limit, and cores are one for many instances', async (t) => {
  const serviceUs = { before: 60, after: 40 }
  const one = simulate({ ...free, serviceUs, serviceCores: 8, syncUs: 100 })
  t.ok(isNear(one.perSecond, 10_000, 0.01), `${one.perSecond}`)
  t.equal(one.limit, 'service')
  const many = simulate({ ...free, instances: 8, serviceUs, serviceCores: 4, syncUs: 100 })
  t.ok(isNear(many.perSecond, 40_000, 0.01), `${many.perSecond}`)
  t.equal(many.limit, 'service')
})

test('the cores of the primary are a limit that instances do not move', async (t) => {
  const shared = { ...free, serviceCores: 32, primaryCores: 2, primaryUs: { batch: 0, member: 50 }, syncUs: 100 }
  for (const instances of [8, 32]) {
    const { perSecond, limit } = simulate({ ...shared, instances })
    t.ok(isNear(perSecond, 40_000, 0.01), `${perSecond}`)
    t.equal(limit, 'primary')
  }
})

test('a transaction for each request, one at a time, waits for a sync each', async (t) => {
  const { perSecond, unitsPerCommit, limit } = simulate({ ...free, connections: 1, mostMembers: 1, syncUs: 1000 })
  t.ok(isNear(perSecond, 1000, 0.01))
  t.equal(unitsPerCommit, 1)
  t.equal(limit, 'log')
})

test('a sync takes along all that was written when it began', async (t) => {
  const model = { ...free, connections: 20, mostMembers: 1, primaryCores: 4, primaryUs: { batch: 10, member: 0 } }
  const { perSecond, commitsPerSync } = simulate({ ...model, syncUs: 1000 })
  t.ok(perSecond > 9_000 && perSecond <= 20_000, `${perSecond}: each of 20 waits for one sync or two`)
  t.ok(isNear(commitsPerSync * 1000, perSecond, 0.01))
})

test('clients that wait are as many as the rate times their latency', async (t) => {
  const model = { ...free, instances: 3, serviceCores: 2, serviceUs: { before: 30, after: 20 }, networkUs: 200 }
  const { perSecond, latencyMs } = simulate({ ...model, primaryUs: { batch: 300, member: 20 }, syncUs: 400 })
  t.ok(isNear((perSecond * latencyMs) / 1000, 3 * 64, 0.01), `${(perSecond * latencyMs) / 1000} clients`)
})

test('where nothing is busy, waiting for one thing after the other is the limit', async (t) => {
  const model = {
    ...free,
    arrivals: { clients: 1 },
    networkUs: 1000,
    syncUs: 500,
    serviceUs: { before: 50, after: 50 },
  }
  const { perSecond, limit, latencyMs } = simulate({ ...model, primaryUs: { batch: 400, member: 0 } })
  t.ok(isNear(latencyMs, 2, 1e-6))
  t.ok(isNear(perSecond, 500, 0.01))
  t.equal(limit, 'latency')
})
