import { join } from 'node:path'
import t from 'tap'
import type { ReceivedEvent } from '../../src/outbox/message.ts'
import type { QueueStats } from '../../src/stores/ports.ts'
import { startListening } from '../support/http/service.ts'
import { call, formula, post, startService } from '../support/service-process.ts'
import { until } from '../support/until.ts'

interface List {
  formulas: { id: string; name: string }[]
}
interface Events {
  events: ReceivedEvent[]
}

for (const [way, queue] of [
  ['one transaction', 'formulas.db'],
  ['saga', 'events.db'],
] as const) {
  t.test(`${way}: after kill -9 everything answered is there, once, and its key replays byte for byte`, async (t) => {
    const directory = t.testdir()
    const environment = {
      DATABASE_URL: `sqlite:${join(directory, 'formulas.db')}`,
      QUEUE_URL: `sqlite:${join(directory, queue)}`,
    }
    const first = await startService(t, environment)
    const answer = await post(first.url, 'k', formula(10))
    const body = await answer.text()
    t.equal(answer.status, 200)
    await first.kill('SIGKILL')

    const second = await startService(t, environment)
    const replay = await post(second.url, '"k"', {
      name: 'Formula 10',
      materials: [{ concentration: '1e1', name: 'rose' }],
    })
    t.equal(replay.headers.get('idempotent-replayed'), 'true')
    t.equal(replay.headers.get('location'), answer.headers.get('location'))
    t.equal(await replay.text(), body)
    t.equal((await call<List>(second.url, '/formulas')).formulas.length, 1)
    const { events } = await call<Events>(second.url, '/events/receive', { max: 10 })
    t.match(events, [{ name: 'Formula 10', receiveCount: 1 }])
    await call(second.url, '/events/ack', { receipts: events.map(({ receipt }) => receipt) })
    await second.kill('SIGKILL')

    const third = await startListening(t, environment)
    t.match(await call<QueueStats>(third.url, '/events/stats'), { ready: 0, leased: 0, dead: 0 })
    t.match(await call(third.url, '/cleanups'), { cleanups: [] })
  })

  t.test(`${way}: killed under load, nothing answered is lost, nothing is stored twice or half`, async (t) => {
    const directory = t.testdir()
    const environment = {
      DATABASE_URL: `sqlite:${join(directory, 'formulas.db')}`,
      QUEUE_URL: `sqlite:${join(directory, queue)}`,
    }
    const accepted = new Set<string>()
    let sent = 0
    for (let cycle = 0; cycle < 2; cycle++) {
      const service = await startService(t, environment)
      const client = async (): Promise<void> => {
        for (;;) {
          const number = ++sent
          const answer = await post(service.url, `key-${number}`, [formula(number), formula(`${number}.5`)])
          for (const { name } of ((await answer.json()) as List).formulas) accepted.add(name)
        }
      }
      const clients = Array.from({ length: 16 }, () => client().catch(() => 'cut off'))
      const target = accepted.size + 200
      await until(() => accepted.size >= target, 1)
      await service.kill('SIGKILL')
      await Promise.all(clients)
    }
    const service = await startListening(t, environment)
    t.match(await call(service.url, '/cleanups'), { cleanups: [] })
    const stored = await everyFormula(service.url)
    t.equal(new Set(stored).size, stored.length, 'nothing twice')
    const names = new Set(stored)
    t.same(
      [...accepted].filter((name) => !names.has(name)),
      [],
      'nothing lost',
    )
    const half = stored.filter((name) => !names.has(name.endsWith('.5') ? name.slice(0, -2) : `${name}.5`))
    t.same(half, [], 'no list by half')
    const events = await everyEvent(service.url)
    t.same(events.toSorted(), stored.toSorted(), 'one event each')
  })
}

async function everyFormula(url: string): Promise<string[]> {
  const names: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const page: List & { nextCursor: string | null } = await call(
      url,
      `/formulas?limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`,
    )
    names.push(...page.formulas.map(({ name }) => name))
    cursor = page.nextCursor
  }
  return names
}

async function everyEvent(url: string): Promise<string[]> {
  const names: string[] = []
  for (;;) {
    const { events } = await call<Events>(url, '/events/receive', { max: 100 })
    if (events.length === 0) return names
    names.push(...events.map(({ name }) => name))
  }
}
