import { type Test, test } from 'tap'
import { start } from '../support/command.ts'
import { call, startService } from '../support/service-process.ts'
import { until } from '../support/until.ts'

/** Runs the drill on a service, which is killed and started again meanwhile. */
async function drill(t: Test, DATABASE_URL: string) {
  t.testdir()
  const { url, kill } = await startService(t, { DATABASE_URL })
  const running = start(t, 'examples/failover-drill.ts', ['2'], { SERVICE_URL: url, SUBSCRIPTION: 'default' })
  await until(async () => (await call<{ formulas: unknown[] }>(url, '/formulas?limit=200')).formulas.length > 100)
  await kill('SIGKILL')
  await startService(t, { DATABASE_URL, PORT: new URL(url).port })
  const { code, stdout } = await running.ended
  return { code, found: (what: string) => Number(new RegExp(`${what}: (\\d+)`).exec(stdout.join('\n'))?.[1]) }
}

test('the drill finds nothing lost where nothing is', async (t) => {
  const { code, found } = await drill(t, 'sqlite:./formulas.db')
  t.equal(code, 0)
  for (const what of ['lost formulas', 'changed answers', 'missing events']) t.equal(found(what), 0, what)
})

test('the drill finds what was answered and is gone, though a repeat stores it again under the same id', async (t) => {
  const { code, found } = await drill(t, 'memory:')
  t.equal(code, 1)
  t.ok(found('lost formulas') > 50)
  t.ok(found('changed answers') >= found('lost formulas'))
})
