import { test } from 'tap'
import { ServerCosts } from '../../bench/postgres/server-costs.ts'
import { query, startPostgres } from '../support/postgres/server.ts'

test('the costs of a unit on the server are counted', { skip: Boolean(process.env.TEST_DATABASE_URL) }, async (t) => {
  const server = await startPostgres({ settings: { track_wal_io_timing: true } })
  t.teardown(() => server.stop())
  const url = await server.createDatabase()
  await query(url, 'CREATE TABLE kept (text text)')
  const costs = new ServerCosts(server)
  await costs.during(async () => {
    for (let i = 0; i < 10; i++) {
      await query(url, "INSERT INTO kept SELECT repeat('a', 1000) FROM generate_series(1, 10)")
    }
    return { units: 100 }
  })
  const { unitsPerCommit, walBytesPerUnit, cpuUsPerUnit, syncMs } = costs.figure()
  t.ok(unitsPerCommit <= 10 && unitsPerCommit > 5, 'ten per commit, except for the commits of the server itself')
  t.ok(walBytesPerUnit > 1000 && walBytesPerUnit < 5000, `${walBytesPerUnit} bytes`)
  t.ok(cpuUsPerUnit > 0)
  t.ok(syncMs > 0)
})
