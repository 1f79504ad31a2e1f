import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startListening } from '../support/http/service.ts'
import { newKey } from '../support/new-key.ts'
import { runToEnd, spawnService, startService } from '../support/service-process.ts'

const KEYS = new URL('../../src/cli/keys.ts', import.meta.url).pathname

interface Said {
  code: number
  stdout: string
  stderr: string
}

/** Runs the command as an operator does, in a process of its own. */
function keys(path: string, ...words: string[]): Promise<Said> {
  const { promise, resolve } = Promise.withResolvers<Said>()
  const env = { ...process.env, API_KEYS_FILE: path }
  execFile(process.execPath, [KEYS, ...words], { env }, (error, stdout, stderr) =>
    resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
  )
  return promise
}

async function createKey(path: string, name: string): Promise<string> {
  return (await keys(path, 'create', '--name', name, '--scope', 'read')).stdout.trim()
}

const environment = (path: string) => ({ DATABASE_URL: 'memory:', API_KEYS_FILE: path })

async function statusWith(url: string, secret: string): Promise<number> {
  const answer = await fetch(`${url}/formulas`, { headers: { authorization: `Bearer ${secret}` } })
  await answer.arrayBuffer()
  return answer.status
}

/** Polls a condition for up to 20 seconds. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  const begun = performance.now()
  while (!(await isSo())) {
    if (performance.now() - begun > 20_000) throw new Error('Not within 20 seconds')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Waits until a process has printed a line that matches. */
async function said(service: { lines: string[] }, what: RegExp): Promise<void> {
  await until(async () => service.lines.some((line) => what.test(line)))
}

const fileIn = (t: Test) => join(t.testdir(), 'keys.json')

t.test('keys created or revoked while the service runs take effect without a restart', async (t) => {
  const path = fileIn(t)
  const lab = newKey(path, 'lab', 'read')
  const { url } = await startListening(t, environment(path))
  t.equal(await statusWith(url, lab), 200)
  const ops = await createKey(path, 'ops')
  await until(async () => (await statusWith(url, ops)) === 200)
  t.match(await keys(path, 'revoke', '--name', 'lab'), { code: 0, stdout: /^Revoked \w{12} of lab\n$/ })
  await until(async () => (await statusWith(url, lab)) === 401)
  t.equal(await statusWith(url, ops), 200)
})

t.test('stdout has the new key alone, for scripts; a mistake exits with 1 and one line on stderr', async (t) => {
  const path = fileIn(t)
  const created = await keys(path, 'create', '--name', 'lab', '--scope', 'submit,read')
  t.match(created, { code: 0, stdout: /^ffi_[\w-]{43}\n$/, stderr: /may submit, read/ })
  t.match(await keys(path, 'list'), { code: 0, stdout: /^ID .*\n\w{12} {2}lab /, stderr: '' })
  t.match(await keys(path, 'revoke', '--name', 'x'), {
    code: 1,
    stdout: '',
    stderr: 'There is no key of the name x\n',
  })
  t.match(await keys(`${path}.none`, 'list'), { code: 1, stdout: '', stderr: /there is no such file\n$/ })
})

t.test(
  'SIGHUP reloads the keys without ending the service; a broken file keeps the old keys and is logged',
  async (t) => {
    const path = fileIn(t)
    const lab = newKey(path, 'lab', 'read')
    const service = spawnService(t, environment(path))
    const url = await service.listening
    service.signal('SIGHUP')
    await said(service, /"level":30,.*API keys were read again; in force: 1/)
    writeFileSync(path, '{"keys": [')
    await said(service, /"level":50,.*those read before stay in force: API keys file .* is not JSON/)
    service.signal('SIGHUP')
    await until(async () => service.lines.filter((line) => line.includes('is not JSON')).length === 2)
    t.equal(await statusWith(url, lab), 200)
    t.match(await service.kill('SIGTERM'), { code: 0, signal: null })
  },
)

t.test('without keys SIGHUP ends the service as before', async (t) => {
  t.testdir()
  const service = await startService(t, { DATABASE_URL: 'memory:' })
  t.match(await service.kill('SIGHUP'), { code: 0, signal: null })
})

t.test(
  'a file of keys that is missing or broken stops the start with one clear line, and no port is opened',
  async (t) => {
    const path = fileIn(t)
    const start = () => runToEnd(t, environment(path))
    t.match(await start(), { code: 1, stdout: [], stderr: [`API keys file ${path}: there is no such file`] })
    writeFileSync(path, '{}')
    const { stderr, code } = await start()
    t.equal(code, 1)
    t.same(stderr, [`API keys file ${path}: must be an object with a list "keys" and nothing else`])
  },
)
