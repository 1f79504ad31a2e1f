import { randomUUID } from 'node:crypto'
import t from 'tap'
import { systemClock } from '../../src/kit/clock.ts'
import { UNTRACED } from '../../src/submission/options.ts'
import { Orchestrator } from '../../src/submission/orchestrator.ts'
import { contentsOf, openEngine } from '../support/postgres/engines.ts'
import { Network } from '../support/postgres/network.ts'
import { startPostgres } from '../support/postgres/server.ts'
import { request } from '../support/submission/orchestrator-bench.ts'
import { until } from '../support/until.ts'

const OWED = 1_000

const server = await startPostgres({ durable: false })
t.teardown(() => server.stop())

t.test('after an outage, the thousand rollbacks that it left are settled within seconds', async (t) => {
  const url = await server.createDatabase()
  const network = await Network.start(t, url)
  const [engine, other] = [await openEngine(t, network.url), await openEngine(t, url)]
  const orchestrator = new Orchestrator(engine, {
    retries: 2,
    baseMs: 20,
    maxMs: 200,
    deadlineMs: 2_000,
    waitMs: 1_000,
    retentionMs: 3_600_000,
    clock: systemClock,
    random: Math.random,
    newId: randomUUID,
    log: { warn: () => {}, error: () => {} },
    tracer: UNTRACED,
  })
  t.teardown(() => orchestrator.close())
  const submit = (n: number) => orchestrator.submit(request(`k${n}`, [`${n}`]))

  // Commits are late, and nobody can be asked for their outcome.
  network.choose((text) => (/formula_intake\.write\(/.test(text) ? 'late' : 'before'))
  const outcomes = await Promise.all(Array.from({ length: OWED }, (_, n) => submit(n + 1)))
  t.same(new Set(outcomes.map(({ kind }) => kind)), new Set(['failed']))
  t.same(orchestrator.load, { submissions: OWED, formulas: OWED })
  network.choose()
  const began = performance.now()
  await until(() => orchestrator.load.submissions === 0)
  t.ok(performance.now() - began < 10_000, `within ${performance.now() - began} ms`)
  // A commit that was on its way when the outage ended may have been in time.
  const { events } = await contentsOf(other)
  t.ok((await network.release()) > 0)
  t.equal((await contentsOf(other)).events, events, 'late commits take no effect')
  const again = await Promise.all(Array.from({ length: OWED }, (_, n) => submit(n + 1)))
  t.same(new Set(again.map(({ kind }) => kind)), new Set(['answered']), 'and all keys are free')
  t.equal((await contentsOf(other)).events, OWED, 'each is stored once')
})
