import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { test } from 'tap'

const SCRIPT = new URL('../support/many-apps.ts', import.meta.url).pathname

test('closed apps leave neither timers nor metrics behind, so the process can exit', async (t) => {
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, ['--expose-gc', SCRIPT, '6'], { timeout: 60_000 })
  const { observers, left, waiting } = JSON.parse(stdout)
  t.equal(observers, 1, 'the garbage collector is watched once')
  t.ok(left <= 1, `${left} registries are kept`)
  t.notOk(waiting.includes('Timeout'), 'no timer runs')
})
