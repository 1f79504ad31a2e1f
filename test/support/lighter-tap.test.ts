import { spawnSync } from 'node:child_process'
import { test } from 'tap'
import { inherited } from './inherited.ts'

const LIGHTER = new URL('lighter-tap.ts', import.meta.url).href

const UNCAUGHT: Record<string, string> = {
  'a rejection': `Promise.reject(new Error('nobody'))`,
  'an error thrown later': `setTimeout(() => { throw new Error('nobody') })`,
  'an error after the last test': `process.once('beforeExit', () => setImmediate(() => { throw new Error('nobody') }))`,
}

for (const [what, statement] of Object.entries(UNCAUGHT)) {
  test(`${what} that nobody catches fails its file, and the tests go on to their end`, async (t) => {
    const file = `import { test } from 'tap'
      test('first', async (t) => {
        ${statement}
        t.teardown(() => console.error('cleaned up'))
        await new Promise((resolve) => setTimeout(resolve, 5))
      })
      test('second', async (t) => t.ok(true))`
    const path = `${t.testdir({ 'file.mjs': file })}/file.mjs`
    const options = { env: inherited(), encoding: 'utf8' } as const
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', LIGHTER, path], options)
    t.not(status, 0)
    t.match(stdout, /^ok 2 - second/m)
    t.match(stdout + stderr, /nobody/)
    t.match(stderr, /cleaned up/)
  })
}

test('tap still has the module that lighter-tap replaces', async (t) => {
  t.match(import.meta.resolve('@tapjs/processinfo/import'), /\/@tapjs\/processinfo\/dist\/esm\/import\.mjs$/)
})
