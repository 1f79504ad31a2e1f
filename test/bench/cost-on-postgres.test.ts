import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'tap'
import { postgresGoals } from '../../bench/postgres/goals.ts'
import type { Intake } from '../../bench/postgres/intake.ts'
import type { PostgresFigures } from '../../bench/postgres/part.ts'
import { ServerSide } from '../../bench/postgres/server-side.ts'
import { query, startPostgres } from '../support/postgres/server.ts'

/** Figures that just reach every goal. */
function figures(told: { ours?: number; consumed?: number; filled?: number } = {}): PostgresFigures {
  const { ours = 8000, consumed = 200, filled = 70 } = told
  const blank = { p50Ms: 1, p99Ms: 1, cpuUsPerUnit: 1, rssBytes: 1 }
  const server = { cpuUsPerUnit: 1, walBytesPerUnit: 1, commitsPerSecond: 1, unitsPerCommit: 1 }
  const intake = (contender: string, rate: number): Intake => {
    return { ...blank, contender, rate, server: { ...server, syncsPerSecond: 1, syncMs: 1, backends: {} } }
  }
  return {
    version: 'PostgreSQL',
    settings: {},
    intake: [intake('postgres', ours), intake('transaction-a-request', 2000), intake('pg-boss', 1000)],
    consumption: [
      { contender: 'postgres', rate: consumed },
      { contender: 'pg-boss', rate: 100 },
    ],
    backlog: { formulas: 1e6, rates: [{ title: 'One', unit: 'requests', empty: 100, filled }] },
  }
}

test('goals on PostgreSQL hold at their edges, and not beyond', async (t) => {
  const holds = (told: PostgresFigures) => postgresGoals(told).map((goal) => goal.holds)
  t.same(holds(figures()), [true, true, true, true])
  t.same(holds(figures({ ours: 7999 })), [false, false, true, true])
  t.same(holds(figures({ consumed: 199 })), [true, true, false, true])
  t.same(holds(figures({ filled: 69 })), [true, true, true, false])
  t.same(postgresGoals({ ...figures(), intake: [], consumption: [] }).length, 1)
})

test('what a unit costs the server is counted', { skip: Boolean(process.env.TEST_DATABASE_URL) }, async (t) => {
  const server = await startPostgres({ settings: { track_wal_io_timing: true } })
  t.teardown(() => server.stop())
  const url = await server.createDatabase()
  await query(url, 'CREATE TABLE kept (text text)')
  const side = await new ServerSide(server, url).open()
  await side.during(async () => {
    for (let i = 0; i < 10; i++)
      await query(url, "INSERT INTO kept SELECT repeat('a', 1000) FROM generate_series(1, 10)")
    await query(url, 'SELECT pg_sleep(0.3)')
    await pause(10)
    return { units: 100 }
  })
  const { unitsPerCommit, walBytesPerUnit, cpuUsPerUnit, commitsPerSecond, syncsPerSecond, backends } = side.figure()
  t.ok(unitsPerCommit <= 10 && unitsPerCommit > 5, 'ten to a commit, but for what the server commits by itself')
  t.ok(walBytesPerUnit > 1000 && walBytesPerUnit < 5000, `${walBytesPerUnit} bytes`)
  t.ok(cpuUsPerUnit > 0)
  t.ok(commitsPerSecond > 1 && syncsPerSecond > 1)
  t.ok((backends['Timeout:PgSleep'] ?? 0) > 0)
  await side.close()
})
