import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { start } from '../../support/command.ts'
import { startService } from '../../support/service-process.ts'
import { missing, Replicas } from './replicas.ts'

const SECONDS = 20

const skip = missing().length > 0 && `not installed: ${missing().join(', ')}`
t.setTimeout(300_000)

t.test('the drill of the docs finds nothing lost when the machine of the primary dies', { skip }, async (t) => {
  const replicas = await Replicas.start('synchronous')
  t.teardown(() => replicas.stop())
  await replicas.createDatabase('formulas')
  t.testdir()
  const { url } = await startService(t, { DATABASE_URL: replicas.url('formulas') })
  const environment = { SERVICE_URL: url, SUBSCRIPTION: 'default' }
  const running = start(t, 'examples/failover-drill.ts', [String(SECONDS)], environment)
  await pause(3_000)
  await (await replicas.primary()).kill()
  const { code, stdout } = await running.ended
  t.comment(stdout.join('\n'))
  t.equal(code, 0)
  t.match(stdout.join('\n'), /lost formulas: 0\nchanged answers: 0\nmissing events: 0/)
})
