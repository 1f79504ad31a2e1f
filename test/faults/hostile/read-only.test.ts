import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { formula } from '../../support/service-process.ts'
import { until } from '../../support/until.ts'
import { runServer, startServer } from '../server.ts'
import { ask } from './answers.ts'
import { digests, FILE, makeFiles } from './damaged-file.ts'
import { everyName } from './sending.ts'

t.setTimeout(600_000)

const NOBODY = 65_534
const isRoot = process.getuid?.() === 0

/** The user of the server: not root, which may write everything. */
const user = isRoot ? { uid: NOBODY } : {}

function cannotRun(): string | false {
  if (!isRoot) return false
  const { status } = spawnSync(process.execPath, ['--version'], { ...user, gid: NOBODY, cwd: '/' })
  return status === 0 ? false : 'another user cannot run this Node.js'
}

/** A folder that another user can reach, unlike the working tree. */
function makeFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'read-only-'))
  chmodSync(folder, 0o755)
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

t.test('files that cannot be written are refused with one clear line', { skip: cannotRun() }, async (t) => {
  const { stopped } = await makeFiles(t.testdir())
  const root = makeFolder(t)
  const make = (name: string, options: { file: boolean; folderIsOurs: boolean }): string => {
    const folder = join(root, name)
    mkdirSync(folder)
    if (options.file) {
      copyFileSync(join(stopped, FILE), join(folder, FILE))
      chmodSync(join(folder, FILE), 0o444)
    }
    if (!options.folderIsOurs) chmodSync(folder, 0o555)
    else if (isRoot) chownSync(folder, NOBODY, NOBODY)
    t.teardown(() => chmodSync(folder, 0o755))
    return folder
  }
  const folders = [
    make('no file in a folder that must not be written', { file: false, folderIsOurs: false }),
    make('a file in a folder that must not be written', { file: true, folderIsOurs: false }),
    make('a file that must not be written', { file: true, folderIsOurs: true }),
  ]
  await Promise.all(
    folders.map(async (folder) => {
      const before = digests(folder)
      const environment = { DATABASE_URL: `sqlite:${join(folder, FILE)}` }
      const { code, stderr, stdout } = await runServer(t, { environment, ...user })
      t.equal(code, 1, folder)
      t.match(stderr, [/cannot be opened/])
      t.equal(stderr.length, 1, stderr.join())
      t.notMatch(stdout.join(), /listening/)
      t.same(digests(folder), before)
    }),
  )
})

const immutable = (on: boolean, ...paths: string[]): boolean =>
  spawnSync('chattr', [on ? '+i' : '-i', ...paths]).status === 0

function cannotFreeze(): string | false {
  const path = join(mkdtempSync(join(tmpdir(), 'immutable-')), 'file')
  writeFileSync(path, '')
  const works = immutable(true, path)
  immutable(false, path)
  rmSync(join(path, '..'), { recursive: true })
  return works ? false : 'no file can be made immutable here'
}

t.test(
  'a file made read-only while it is served gives clean 503s until it is writable',
  { skip: cannotFreeze() },
  async (t) => {
    const folder = makeFolder(t)
    const path = join(folder, FILE)
    const files = [path, `${path}-wal`] as const
    const environment = { DATABASE_URL: `sqlite:${path}`, SUBMIT_RETRIES: '2', SUBMIT_RETRY_BASE_MS: '10' }
    const { url, kill } = await startServer(t, { environment })
    t.teardown(() => immutable(false, ...files))
    const submit = (number: number) => ask(url, '/formulas', formula(number), `key-${number}`)
    const before = await submit(1)
    t.match(before, { status: 200 })

    t.ok(immutable(true, ...files))
    for (const number of [2, 3]) {
      t.match(await submit(number), { status: 503, body: { code: 'SUBMISSION_FAILED' }, fault: null })
    }
    const receive = await ask(url, '/events/receive', { max: 1 })
    t.match(receive, { status: 503, body: { code: 'STORE_UNAVAILABLE' }, fault: null })
    t.match(await ask(url, '/health/ready'), { status: 503, body: { code: 'STORE_UNAVAILABLE' }, fault: null })
    t.match(await ask(url, '/health/live'), { status: 200 })
    t.same(await everyName(url), ['Formula 1'])
    t.equal((await submit(1)).text, before.text, 'what was answered is replayed')

    t.ok(immutable(false, ...files))
    t.match(await submit(2), { status: 200 })
    t.match(await submit(3), { status: 200 })
    t.same(await everyName(url), ['Formula 3', 'Formula 2', 'Formula 1'])
    // The service checks once a second.
    await until(async () => (await ask(url, '/health/ready')).status === 200)
    t.match(await ask(url, '/events/receive', { max: 10 }), { body: { events: [{}, {}, {}] } })
    t.match(await kill('SIGTERM'), { code: 0, stderr: [] })
  },
)
