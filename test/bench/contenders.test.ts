import { test } from 'tap'
import { bareRoute, pgBoss, Running, transactionARequest } from '../../bench/contender.ts'
import { startPostgres } from '../support/postgres/server.ts'
import { formula, post } from '../support/service-process.ts'

// A comparison is fair only if clients see the same behaviour.

test('the bare route checks and answers a body as the service does', async (t) => {
  const running = await new Running(bareRoute).start()
  t.teardown(() => running.remove())
  const added = await post(running.url, 'a', [formula(1), formula(2)])
  t.match(await added.json(), { message: 'Formula(s) added!', formulas: [formula('1'), formula('2')] })
  t.equal((await post(running.url, 'b', { name: 'Without materials' })).status, 400)
})

for (const contender of [transactionARequest, pgBoss]) {
  test(`${contender('').name} takes formulas in exactly once, as the service does`, async (t) => {
    const server = await startPostgres({ durable: false })
    const running = new Running(contender(await server.createDatabase()))
    t.teardown(async () => {
      await running.remove()
      await server.stop()
    })
    const { url } = await running.start()
    const ready = async (): Promise<number> =>
      ((await (await fetch(`${url}/events/stats`)).json()) as { ready: number }).ready

    const first = await post(url, 'a', formula(1))
    const text = await first.text()
    t.equal(first.status, 200)
    t.match(first.headers.get('location'), /^\/formulas\/[0-9a-f]{64}$/)
    const { id } = JSON.parse(text).formulas[0]

    const again = await post(url, 'a', formula('1.0', 'Formula 1'))
    t.equal(await again.text(), text)
    t.equal(again.headers.get('idempotent-replayed'), 'true')
    t.match(await (await post(url, 'a', formula(2))).json(), { code: 'IDEMPOTENCY_KEY_REUSED', status: 422 })
    t.match(await (await post(url, 'b', formula(1, 'Other'))).json(), {
      code: 'FORMULA_EXISTS',
      details: [{ path: '', id }],
    })
    t.match(await (await post(url, 'c', [formula(3), formula(1), formula(3)])).json(), {
      code: 'FORMULA_EXISTS',
      details: [{ path: '/1' }, { path: '/2' }],
    })
    t.match(await (await post(url, 'd', {})).json(), { code: 'INVALID_JSON' })
    t.equal(await ready(), 1)

    t.match(await (await post(url, 'e', [formula(3), formula(6)])).json(), { formulas: [{}, {}] })
    t.equal(await ready(), 3)

    const twins = await Promise.all(Array.from({ length: 20 }, () => post(url, 'f', formula(4))))
    t.same(new Set(await Promise.all(twins.map((answer) => answer.text()))).size, 1)
    const rivals = await Promise.all(Array.from({ length: 20 }, (_, key) => post(url, `g${key}`, formula(5))))
    t.same(
      rivals
        .map(({ status }) => status)
        .sort()
        .slice(0, 2),
      [200, 409],
    )
    t.equal(await ready(), 5)

    const list = (await (await fetch(`${url}/formulas?limit=3`)).json()) as { formulas: object[]; nextCursor: string }
    t.equal(list.formulas.length, 3)
    const rest = await (await fetch(`${url}/formulas?limit=3&cursor=${list.nextCursor}`)).json()
    t.match(rest, { formulas: [{}, { id, name: 'Formula 1', materials: formula('1').materials }], nextCursor: null })
  })
}
