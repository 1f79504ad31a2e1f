import { setTimeout as pause } from 'node:timers/promises'
import type pg from 'pg'
import t, { type Test } from 'tap'
import { Primary } from '../../src/stores/postgres/primary.ts'
import { readServerUrl } from '../../src/stores/postgres/server-url.ts'
import { DEFAULT } from '../contract/leasing.ts'
import { openEngine } from '../support/postgres/engines.ts'
import { type PostgresServer, query, startPostgres } from '../support/postgres/server.ts'
import { until } from '../support/until.ts'

const skip = Boolean(process.env.TEST_DATABASE_URL) && 'TEST_DATABASE_URL names a server that is not ours to freeze'

const LISTENERS = `SELECT FROM pg_stat_activity WHERE query = 'LISTEN formula_intake_ready'`

/** A server of its own. It is frozen like one whose machine has died: connections stay open, and nothing answers. */
async function start(t: Test): Promise<PostgresServer> {
  const server = await startPostgres({ durable: false, settings: { synchronous_commit: 'on' } })
  t.teardown(() => server.stop())
  return server
}

/** An instance that listens for notifications. */
async function openListening(t: Test, url: string, primary: PostgresServer) {
  const engine = await openEngine(t, url)
  t.teardown(() => primary.thaw())
  engine.queue.onReady(() => {})
  await until(async () => (await query(primary.url(), LISTENERS)).length > 0)
  return engine
}

/** @returns whether it ended in time */
const endsWithin = (ms: number, work: Promise<unknown>): Promise<boolean> =>
  Promise.race([work.then(() => true), pause(ms, false)])

t.test('an instance closes within seconds, with all connections, though its host is dead', { skip }, async (t) => {
  const server = await start(t)
  const engine = await openListening(t, await server.createDatabase(), server)
  server.freeze()
  t.ok(await endsWithin(2_000, engine.close()))
  const areClosed = until(() => !process.getActiveResourcesInfo().includes('TCPSocketWrap'))
  t.ok(await endsWithin(2_000, areClosed), 'none keeps the process alive')
})

t.test('a primary that was promoted is used without waiting for the dead one to answer', { skip }, async (t) => {
  const [one, other] = [await start(t), await start(t)]
  await other.setReadOnly(true)
  const [dead, promoted] = [one, other].map((server) => {
    const { hostname, port } = new URL(server.url())
    return { host: hostname, port: Number(port), user: 'postgres', password: 'postgres' }
  }) as [pg.ClientConfig, pg.ClientConfig]
  const primary = new Primary({ ...readServerUrl(one.url()), configs: [dead, promoted], mustBeWritable: true })
  t.equal(await primary.find(), dead)
  one.freeze()
  t.teardown(() => one.thaw())
  await other.promote()
  await other.setReadOnly(false)
  t.ok(await endsWithin(1_000, primary.isReplaced(dead)))
  t.equal(await primary.find(), promoted)
})

t.test('an instance listens at the next primary when the host of the one before is dead', { skip }, async (t) => {
  const [one, other] = [await start(t), await start(t)]
  await other.promote()
  await other.setReadOnly(true)
  const hosts = [one, other].map((server) => new URL(server.url()).host).join()
  const engine = await openListening(t, `postgres://postgres:postgres@${hosts}/postgres`, one)
  await other.setReadOnly(false)
  one.freeze()
  await t.rejects(engine.queue.stats(DEFAULT), { name: 'StoreUnavailable' })
  const isListening = until(async () => (await query(other.url(), LISTENERS)).length > 0)
  t.ok(await endsWithin(20_000, isListening))
})
