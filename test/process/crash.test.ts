import { join } from 'node:path'
import t from 'tap'
import { startListening } from '../support/http/service.ts'
import { contentsOf, type Leased } from '../support/restored.ts'
import { call, formula, post, startService } from '../support/service-process.ts'
import { until } from '../support/until.ts'

for (const [strategy, queue] of [
  ['one transaction', 'formulas.db'],
  ['saga', 'events.db'],
] as const) {
  t.test(`${strategy}: killed under load, nothing answered is lost, nothing is stored twice or half`, async (t) => {
    const directory = t.testdir()
    const environment = {
      DATABASE_URL: `sqlite:${join(directory, 'formulas.db')}`,
      QUEUE_URL: `sqlite:${join(directory, queue)}`,
    }
    const accepted = new Set<string>()
    let sent = 0
    /** Submits lists of two, kills the process in the middle of them, and waits for the clients to notice. */
    const killUnderLoad = async ({ url, kill }: Awaited<ReturnType<typeof startService>>): Promise<void> => {
      const client = async (): Promise<void> => {
        for (;;) {
          const number = ++sent
          const answer = await post(url, `key-${number}`, [formula(number), formula(`${number}.5`)])
          const { formulas } = (await answer.json()) as { formulas: { name: string }[] }
          for (const { name } of formulas) accepted.add(name)
        }
      }
      const clients = Array.from({ length: 16 }, () => client().catch(() => 'cut off'))
      const target = accepted.size + 200
      await until(() => accepted.size >= target, 1)
      await kill('SIGKILL')
      await Promise.all(clients)
    }

    const first = await startService(t, environment)
    const acked = formula('0.1')
    const answer = await post(first.url, 'k', acked)
    const body = await answer.text()
    t.equal(answer.status, 200)
    await killUnderLoad(first)

    const second = await startService(t, environment)
    const replay = await post(second.url, '"k"', { ...acked, materials: [{ concentration: '1e-1', name: 'rose' }] })
    t.equal(replay.headers.get('idempotent-replayed'), 'true')
    t.equal(replay.headers.get('location'), answer.headers.get('location'))
    t.equal(await replay.text(), body, 'byte for byte')
    const { events } = await call<Leased>(second.url, '/events/receive', {})
    t.match(events, [{ name: acked.name, receiveCount: 1 }])
    await call(second.url, '/events/ack', { receipts: events.map(({ receipt }) => receipt) })
    await killUnderLoad(second)

    const { url } = await startListening(t, environment)
    t.match(await call(url, '/cleanups'), { cleanups: [] })
    const contents = await contentsOf(url)
    const stored = contents.formulas.map(({ name }) => name)
    const names = new Set(stored)
    t.equal(names.size, stored.length, 'nothing twice')
    const lost = [...accepted, acked.name].filter((name) => !names.has(name))
    t.same(lost, [], 'nothing lost')
    const lists = stored.filter((name) => name !== acked.name)
    const half = lists.filter((name) => !names.has(name.endsWith('.5') ? name.slice(0, -2) : `${name}.5`))
    t.same(half, [], 'no list by half')
    t.same(contents.events.map(({ name }) => name).sort(), lists.sort(), 'one event each, but for the one acked')
  })
}
