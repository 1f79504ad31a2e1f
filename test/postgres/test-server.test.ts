import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { test } from 'tap'
import { query, startPostgres } from '../support/postgres/server.ts'

const isExternal = Boolean(process.env.TEST_DATABASE_URL)
const skip = isExternal && 'TEST_DATABASE_URL names a server that is not ours'

test('a row that was committed is there after a crash', { skip }, async (t) => {
  const server = await startPostgres({ inMemory: true })
  t.teardown(() => server.stop())
  const url = await server.createDatabase()
  await query(url, 'CREATE TABLE kept AS SELECT 1 AS number')
  await server.crash()
  await t.rejects(query(url, 'SELECT 1'), { code: 'ECONNREFUSED' })
  await server.start()
  t.same(await query(url, 'SELECT number FROM kept'), [{ number: 1 }])
  await server.restartImmediately()
  t.same(await query(url, 'SELECT number FROM kept'), [{ number: 1 }])
})

test('databases are empty and separate', async (t) => {
  const server = await startPostgres({ durable: false })
  t.teardown(() => server.stop())
  const [one, other] = [await server.createDatabase(), await server.createDatabase()]
  await query(one, 'CREATE TABLE taken ()')
  await query(other, 'CREATE TABLE taken ()')
  t.equal(server.isOurs, !isExternal)
})

test('a frozen server answers nothing until it is thawed', { skip }, async (t) => {
  const server = await startPostgres({ durable: false })
  t.teardown(() => server.stop())
  const client = new pg.Client({ connectionString: server.url() })
  await client.connect()
  server.freeze()
  const answer = client.query('SELECT 1 AS one').then(({ rows }) => rows)
  t.equal(await Promise.race([answer, pause(200, 'nothing')]), 'nothing')
  server.thaw()
  t.same(await answer, [{ one: 1 }])
  await client.end()
})

test('a frozen server can be stopped', { skip }, async () => {
  const server = await startPostgres({ durable: false })
  server.freeze()
  await server.stop()
})

test('a server that is read-only refuses writes, also on open connections, until it is not', { skip }, async (t) => {
  const server = await startPostgres({ durable: false })
  t.teardown(() => server.stop())
  const client = new pg.Client({ connectionString: await server.createDatabase() })
  await client.connect()
  await client.query('CREATE TABLE kept (number int)')
  const write = () => client.query('INSERT INTO kept VALUES (1)')
  await server.setReadOnly(true)
  await t.rejects(write(), { code: '25006' })
  await server.setReadOnly(false)
  await t.resolves(write())
  await client.end()
})

test('settings are those that were asked for', { skip }, async (t) => {
  const server = await startPostgres({ durable: false, settings: { max_connections: 23 } })
  t.teardown(() => server.stop())
  const show = (name: string) => query(server.url(), 'SELECT current_setting($1) AS value', [name])
  t.same(await show('max_connections'), [{ value: '23' }])
  t.same(await show('fsync'), [{ value: 'off' }])
})

test('a server ends with the process that started it, even if that was killed', { skip }, async (t) => {
  const script = `
    process.umask(0o077)
    const { startPostgres } = await import(${JSON.stringify(new URL('../support/postgres/server.ts', import.meta.url).href)})
    const server = await startPostgres({ durable: false })
    process.stdout.write(server.pid + '\\n')
    setInterval(() => {}, 1000)
  `
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => owner.kill('SIGKILL'))
  const [line] = await once(createInterface(owner.stdout), 'line')
  const isAlive = (): boolean => {
    try {
      return process.kill(Number(line), 0)
    } catch {
      return false
    }
  }
  t.ok(isAlive())
  owner.kill('SIGKILL')
  const deadline = performance.now() + 10_000
  while (isAlive() && performance.now() < deadline) await pause(20)
  t.notOk(isAlive())
})
