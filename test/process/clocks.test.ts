import t from 'tap'
import type { ReceivedEvent } from '../../src/outbox/message.ts'
import { Network } from '../support/postgres/network.ts'
import { startPostgres } from '../support/postgres/server.ts'
import { call, formula, post, startService } from '../support/service-process.ts'

const server = await startPostgres({ durable: false })
t.teardown(() => server.stop())

const HOUR_MS = 3_600_000

/** The environment of a process with a wrong clock. */
function withClockOff(ms: number): Record<string, string> {
  const script = `const now = Date.now; Date.now = () => now() + ${ms}`
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` }
}

interface Events {
  events: ReceivedEvent[]
}

t.testdir()
const queue = await server.createDatabase()
const network = await Network.start(t, queue)
const DATABASE_URL = await server.createDatabase()
const ahead = await startService(t, { DATABASE_URL, QUEUE_URL: network.url, ...withClockOff(HOUR_MS) })
const behind = await startService(t, { DATABASE_URL, QUEUE_URL: queue, ...withClockOff(-HOUR_MS) })

t.test('instances whose clocks are hours apart agree on when a lease ends', async (t) => {
  t.equal((await post(ahead.url, 'k', formula(1))).status, 200)
  for (const [holder, other] of [
    [behind, ahead],
    [ahead, behind],
  ] as const) {
    const begun = Date.now()
    const [lease] = (await call<Events>(holder.url, '/events/receive', { leaseSeconds: 60 })).events
    const leasedAt = Date.parse(lease?.leasedUntil ?? '') - 60_000
    t.ok(leasedAt >= begun - 1 && leasedAt <= Date.now() + 1, 'by the time of the database')
    t.same(await call<Events>(other.url, '/events/receive', {}), { events: [] }, 'a live lease is not taken')
    const extension = { receipts: [lease?.receipt], leaseSeconds: 1 }
    const { leasedUntil } = await call<{ leasedUntil: string }>(holder.url, '/events/extend', extension)
    const before = network.statements
    const { events } = await call<Events>(other.url, '/events/receive', { leaseSeconds: 60, waitSeconds: 20 })
    t.match(events, [{ name: 'Formula 1' }], 'one that has ended is')
    const lateMs = Date.now() - Date.parse(leasedUntil)
    t.ok(lateMs >= -1 && lateMs < 5_000, `${lateMs} ms after its end`)
    t.ok(network.statements - before < 60, `it asked with ${network.statements - before} statements meanwhile`)
    const receipts = events.map(({ receipt }) => receipt)
    t.match(await call(other.url, '/events/nack', { receipts }), { nacked: 1 })
  }
})

t.test('a saga is rolled back by the time of the database, whatever the clocks of the instances say', async (t) => {
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, n) => post(n % 2 ? ahead.url : behind.url, `${n}`, formula(n + 2))),
  )
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]), 'no instance rolls back what the other runs')
  t.same(await call(ahead.url, '/cleanups'), { cleanups: [] })
})
