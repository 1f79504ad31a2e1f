import { test } from 'tap'
import { freePort, pasted } from '../support/docs/pasted.ts'
import { startTroubled } from '../support/docs/troubles.ts'
import { call, startService } from '../support/service-process.ts'
import { until } from '../support/until.ts'

/** Two formulas in a service that a shell starts and stops as systemd would. */
const UNDER_SYSTEMD = `
  export PATH="$PWD/node_modules/.bin:$PATH"
  systemctl() {
    case $1 in
      start) node src/server.ts > server.log & server=$! ;;
      stop) kill $server; wait $server ;;
    esac
  }
  systemctl start
  curl -s --retry 10 --retry-connrefused http://127.0.0.1:3000/health/ready
  curl -s http://127.0.0.1:3000/formulas -H 'Content-Type: application/json' -H 'Idempotency-Key: order-1' -d '[
    {"name":"Citrus","materials":[{"name":"Limonene","concentration":10}]},
    {"name":"Cedar","materials":[{"name":"Cedarwood","concentration":7}]}]'`

test("README's examples, pasted in their order on a fresh store, print what stands below them", async (t) => {
  t.testdir()
  const { url } = await startService(t, { DATABASE_URL: 'memory:' })
  await pasted(t, 'README.md', Number(new URL(url).port))
})

test('the tutorial, pasted from its first line to its last, prints what it says', async (t) => {
  await pasted(t, 'docs/tutorial.md', await freePort())
})

test('dead letters and cleanups are worked off as the page on them says', async (t) => {
  const url = await startTroubled(t)
  await pasted(t, 'docs/how-to/work-off-failures.md', Number(new URL(url).port))
  t.match(await call(url, '/events/stats'), { ready: 2, dead: 0 })
  await until(async () => (await call<{ cleanups: unknown[] }>(url, '/cleanups')).cleanups.length === 0)
})

test('a file is backed up and restored as the page on it says', async (t) => {
  const port = await freePort()
  await pasted(t, 'docs/how-to/back-up-and-restore.md', port, UNDER_SYSTEMD)
  t.match(await call(`http://127.0.0.1:${port}`, '/events/stats'), { ready: 2 })
})
