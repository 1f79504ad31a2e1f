import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { startListening } from '../support/http/service.ts'
import { call, formula, post, runToEnd, startService } from '../support/service-process.ts'

const HALF_A_SUBMISSION =
  'POST /formulas HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: k\r\nContent-Length: 9\r\n\r\n{'

const at = (directory: string, name = 'formulas.db') => ({ DATABASE_URL: `sqlite:${join(directory, name)}` })

t.test('SIGTERM ends the process with 0, long polls and all connections with it, and nothing is lost', async (t) => {
  const environment = at(t.testdir())
  const service = await startService(t, environment)
  await post(service.url, 'k', formula(1))
  await call(service.url, '/events/receive', {})
  const poll = fetch(`${service.url}/events/receive`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"waitSeconds":20}',
  })
  // Connections that send nothing, or half a request.
  for (const half of ['', 'GET /for', HALF_A_SUBMISSION]) {
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1').on('error', () => {})
    await once(socket, 'connect')
    socket.write(half)
  }
  await call(service.url, '/events/stats')
  const begun = performance.now()
  const ended = await service.kill('SIGTERM')
  t.match(ended, { code: 0, signal: null })
  t.ok(performance.now() - begun < 10_000, 'without waiting for any of them')
  const answer = await poll
  t.equal(answer.status, 503)
  t.match(await answer.json(), { code: 'SERVICE_STOPPING' })
  const again = await startListening(t, environment)
  t.equal((await post(again.url, 'k', formula(1))).headers.get('idempotent-replayed'), 'true')
})

t.test('two processes cannot own one database file', async (t) => {
  const environment = at(t.testdir())
  await startListening(t, environment)
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
  await (await startListening(t, at(directory))).close()
  const file = new DatabaseSync(join(directory, 'formulas.db'))
  file.exec('PRAGMA user_version = 99')
  file.close()
  t.match(await runToEnd(t, at(directory)), { code: 1, stderr: [/newer version/] })
})

t.test('a changed QUEUE_URL is refused until the old queue is drained', async (t) => {
  const directory = t.testdir()
  const queue = (name: string) => ({ ...at(directory), QUEUE_URL: `sqlite:${join(directory, name)}` })
  const first = await startListening(t, queue('one.db'))
  await post(first.url, 'k', formula(1))
  await first.close()
  t.match(await runToEnd(t, queue('two.db')), { code: 1, stderr: [/still holds 1 event/] })
  const old = await startListening(t, queue('one.db'))
  const { events } = await call<{ events: { receipt: string }[] }>(old.url, '/events/receive', {})
  await call(old.url, '/events/ack', { receipts: events.map(({ receipt }) => receipt) })
  await old.close()
  const moved = await startListening(t, queue('two.db'))
  t.equal((await post(moved.url, 'k', formula(1))).headers.get('idempotent-replayed'), 'true')
})

t.test('a durable database with a queue in memory starts with a warning', async (t) => {
  const lines: string[] = []
  const logger = { level: 'warn', stream: { write: (line: string) => void lines.push(line) } }
  const service = await startListening(t, { ...at(t.testdir()), QUEUE_URL: 'memory:' }, { logger })
  t.equal((await post(service.url, 'k', formula(1))).status, 200)
  t.match(lines, [/"level":40.*in memory/])
})
