import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { call, formula, post, runToEnd, startService } from '../support/service-process.ts'

const at = (directory: string, name = 'formulas.db') => ({ DATABASE_URL: `sqlite:${join(directory, name)}` })

t.test(
  'SIGTERM ends the process with 0, long polls and keep-alive connections with it, and nothing is lost',
  async (t) => {
    const environment = at(t.testdir())
    const service = await startService(t, environment)
    await post(service.url, 'k', formula(1))
    await call(service.url, '/events/receive', {})
    const poll = fetch(`${service.url}/events/receive`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"waitSeconds":20}',
    })
    await call(service.url, '/events/stats')
    const begun = performance.now()
    const ended = await service.kill('SIGTERM')
    t.match(ended, { code: 0, signal: null })
    t.ok(performance.now() - begun < 15_000, 'without waiting for the poll')
    const answer = await poll
    t.equal(answer.status, 503)
    t.match(await answer.json(), { code: 'SERVICE_STOPPING' })
    const again = await startService(t, environment)
    t.equal((await post(again.url, 'k', formula(1))).headers.get('idempotent-replayed'), 'true')
  },
)

t.test('connections that send nothing, or half a request, do not hold up the end', async (t) => {
  const service = await startService(t, at(t.testdir()))
  const { port } = new URL(service.url)
  const halves = [
    '',
    'GET /for',
    'POST /formulas HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: k\r\nContent-Length: 9\r\n\r\n{',
  ]
  for (const half of halves) {
    const socket = connect(Number(port), '127.0.0.1').on('error', () => {})
    await once(socket, 'connect')
    socket.write(half)
  }
  await call(service.url, '/health/live')
  const begun = performance.now()
  t.match(await service.kill('SIGTERM'), { code: 0, signal: null })
  t.ok(performance.now() - begun < 10_000)
})

t.test('each bad value is one clear line, and no port is opened', async (t) => {
  t.testdir()
  const ended = await runToEnd(t, { PORT: 'http', SUBMIT_RETRIES: '0', DATABASE_URL: 'mysql://x' })
  t.equal(ended.code, 1)
  t.equal(ended.stderr.length, 3)
  t.match(ended.stderr.join('\n'), /PORT/)
  t.same(ended.stdout, [])
})

t.test('two processes cannot own one database file', async (t) => {
  const environment = at(t.testdir())
  await startService(t, environment)
  const second = await runToEnd(t, environment)
  t.equal(second.code, 1)
  t.match(second.stderr, [/in use by another process/])
})

t.test('a file that is no database of ours is refused and left as it is', async (t) => {
  const directory = t.testdir()
  writeFileSync(join(directory, 'noise.db'), 'this is no database, but it is long enough to look like one'.repeat(20))
  t.match(await runToEnd(t, at(directory, 'noise.db')), { code: 1, stderr: [/damaged or no SQLite database/] })
  const foreign = new DatabaseSync(join(directory, 'foreign.db'))
  foreign.exec('CREATE TABLE theirs (x)')
  foreign.close()
  t.match(await runToEnd(t, at(directory, 'foreign.db')), { code: 1, stderr: [/another program/] })
})

t.test('a file of a newer version is refused', async (t) => {
  const directory = t.testdir()
  await (await startService(t, at(directory))).kill('SIGTERM')
  const file = new DatabaseSync(join(directory, 'formulas.db'))
  file.exec('PRAGMA user_version = 99')
  file.close()
  t.match(await runToEnd(t, at(directory)), { code: 1, stderr: [/newer version/] })
})

t.test('a port in use is one clear line', async (t) => {
  const directory = t.testdir()
  const { url } = await startService(t, at(directory))
  const second = await runToEnd(t, { ...at(directory, 'other.db'), PORT: new URL(url).port })
  t.match(second, { code: 1, stderr: [/Cannot listen/] })
})

t.test('a changed QUEUE_URL is refused until the old queue is drained', async (t) => {
  const directory = t.testdir()
  const queue = (name: string) => ({ ...at(directory), QUEUE_URL: `sqlite:${join(directory, name)}` })
  const first = await startService(t, queue('one.db'))
  await post(first.url, 'k', formula(1))
  await first.kill('SIGTERM')
  t.match(await runToEnd(t, queue('two.db')), { code: 1, stderr: [/still holds 1 event/] })
  const old = await startService(t, queue('one.db'))
  const { events } = await call<{ events: { receipt: string }[] }>(old.url, '/events/receive', {})
  await call(old.url, '/events/ack', { receipts: events.map(({ receipt }) => receipt) })
  await old.kill('SIGTERM')
  const moved = await startService(t, queue('two.db'))
  t.equal((await post(moved.url, 'k', formula(1))).headers.get('idempotent-replayed'), 'true')
})

t.test('a durable database with a queue in memory starts with a warning', async (t) => {
  const directory = t.testdir()
  const service = await startService(t, { ...at(directory), QUEUE_URL: 'memory:' })
  t.equal((await post(service.url, 'k', formula(1))).status, 200)
  const { stdout } = await service.kill('SIGTERM')
  t.match(
    stdout.find((line) => line.includes('"level":40')),
    /in memory/,
  )
})
