import { spawnSync } from 'node:child_process'
import { linkSync, renameSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { formula, post } from '../../support/service-process.ts'
import { sized } from '../extent.ts'
import { runServer, startServer } from '../server.ts'

t.setTimeout(600_000)

const environment = (path: string, queue?: string): Record<string, string> => ({
  DATABASE_URL: `sqlite:${path}`,
  ...(queue === undefined ? {} : { QUEUE_URL: `sqlite:${queue}` }),
})

interface Refused {
  queue?: string
  within?: string[]
}

/** A command prefix that mounts a path at a second path, for this process alone. */
const withBindMount = (path: string, second: string): string[] => [
  ...['unshare', '--map-root-user', '--mount', 'sh', '-c', 'mount --bind "$0" "$1" && shift && exec "$@"'],
  ...[path, second],
]

/** Why nothing can be mounted here; false when it can. */
function noMount(): string | false {
  const [command = '', ...words] = [...withBindMount(tmpdir(), tmpdir()), 'true']
  const { status, stderr } = spawnSync(command, words, { encoding: 'utf8' })
  return status === 0 ? false : `nothing can be mounted here: ${stderr}`
}

async function refused(t: Test, database: string, reason: RegExp, more: Refused = {}): Promise<void> {
  const { queue, within } = more
  const { code, stderr, stdout } = await runServer(t, {
    environment: environment(database, queue),
    ...(within && { within }),
  })
  t.match({ code, stderr }, { code: 1, stderr: [reason] })
  t.equal(stderr.length, 1)
  t.notMatch(stdout.join(), /listening/)
}

/** Erases a formula while another process reads the file, as a backup does: the service's checkpoint is partial. */
async function eraseWhileRead(t: Test, url: string, path: string): Promise<void> {
  const added = (await (await post(url, 'erased', formula(100))).json()) as { formulas: { id: string }[] }
  const reader = new DatabaseSync(path, { readOnly: true })
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM formulas').get()
  const { status } = await fetch(`${url}/formulas/${added.formulas[0]?.id}`, { method: 'DELETE' })
  t.equal(status, 204)
  reader.close()
}

/**
 * Whether there is SQLite's own program, as an operator may use it. Before 3.51 it deletes the log if it finds itself the
 * only one. Node's SQLite has a further check, so it would not show that the lock is gone.
 */
const hasSqlite = spawnSync('sqlite3', ['--version']).status === 0

t.test('of two processes that start on a new file at the same moment exactly one serves', async (t) => {
  const folder = t.testdir()
  for (let round = 0; round < sized(1, 20); round++) {
    const path = join(folder, `${round}.db`)
    const starts = [0, 1].map(() => startServer(t, { environment: environment(path) }))
    const ends = await Promise.allSettled(starts)
    const serving = ends.filter((end) => end.status === 'fulfilled').map(({ value }) => value)
    const reasons = ends.filter((end) => end.status === 'rejected').map(({ reason }) => String(reason))
    t.equal(serving.length, 1, `round ${round}`)
    t.match(reasons, [/in use by another process/])
    t.equal((await post(serving[0]?.url as string, 'k', formula(1))).status, 200)
    await serving[0]?.kill('SIGKILL')
  }
})

t.test('a file in use is refused under any name, as database and as queue', async (t) => {
  const folder = t.testdir({ sub: {} })
  const at = (name: string): string => join(folder, name)
  await startServer(t, { environment: environment(at('a.db'), at('q.db')) })
  symlinkSync(at('a.db'), at('link.db'))
  symlinkSync(folder, at('sub/up'))
  const inUse = /in use by another process/
  await Promise.all([
    refused(t, `${folder}/./sub/../a.db`, inUse),
    refused(t, at('link.db'), inUse),
    refused(t, at('sub/up/a.db'), inUse),
    refused(t, at('q.db'), inUse),
    refused(t, at('other.db'), inUse, { queue: at('a.db') }),
    refused(t, at('another.db'), inUse, { queue: at('q.db') }),
  ])
})

t.test('a file created through links is refused to a second process under each of its names', async (t) => {
  const folder = t.testdir({ data: {} })
  const at = (name: string): string => join(folder, name)
  symlinkSync('data/a.db', at('link.db'))
  symlinkSync(at('link.db'), at('data/link.db'))
  symlinkSync('data', at('folder'))
  await startServer(t, { environment: environment(at('data/link.db')) })
  const inUse = /in use by another process/
  for (const name of ['link.db', 'data/link.db', 'data/a.db', 'folder/a.db']) await refused(t, at(name), inUse)
})

t.test('a file with a second hard link is refused: each name would have its own lock and log', async (t) => {
  const path = join(t.testdir(), 'a.db')
  await (await startServer(t, { environment: environment(path) })).kill('SIGTERM')
  linkSync(path, `${path}.too`)
  await refused(t, path, /a second name \(a hard link\)/)
  await refused(t, `${path}.too`, /a second name \(a hard link\)/)
})

t.test(
  'a file mounted without its folder is refused, in use or not: its log is not mounted',
  { skip: noMount() },
  async (t) => {
    const folder = t.testdir({ 'of a container': { 'b c.db': '' } })
    const path = join(folder, 'a.db')
    const mounted = join(folder, 'of a container', 'b c.db')
    const within = withBindMount(path, mounted)
    symlinkSync(mounted, join(folder, 'link.db'))
    const server = await startServer(t, { environment: environment(path) })
    const alone = /\.db is mounted by itself, without its log: mount the folder/
    await refused(t, mounted, alone, { within })
    await refused(t, join(folder, 'link.db'), alone, { within })
    await refused(t, join(folder, 'other.db'), alone, { within, queue: mounted })
    await server.kill('SIGTERM')
    await refused(t, mounted, alone, { within })
  },
)

t.test(
  'a folder mounted at two paths has one lock: a file in use is refused under its second path',
  { skip: noMount() },
  async (t) => {
    const folder = t.testdir({ data: {}, second: {} })
    const [data, second] = [join(folder, 'data'), join(folder, 'second')]
    const within = withBindMount(data, second)
    const server = await startServer(t, { environment: environment(join(data, 'a.db')) })
    await refused(t, join(second, 'a.db'), /in use by another process/, { within })
    await server.kill('SIGTERM')
    await startServer(t, { environment: environment(join(second, 'a.db')), within })
    await refused(t, join(data, 'a.db'), /in use by another process/)
  },
)

t.test('a file renamed while it is in use is refused under its new name', async (t) => {
  const folder = t.testdir()
  const [path, moved] = [join(folder, 'a.db'), join(folder, 'moved.db')]
  const server = await startServer(t, { environment: environment(path) })
  t.equal((await post(server.url, 'k', formula(1))).status, 200)
  renameSync(path, moved)
  await refused(t, moved, /in use by another process.*, under another name/)
  renameSync(moved, path)
  t.equal((await post(server.url, 'k2', formula(2))).status, 200)
  await server.kill('SIGTERM')
  renameSync(path, moved)
  t.equal((await post((await startServer(t, { environment: environment(moved) })).url, 'k3', formula(2))).status, 409)
})

t.test('a file renamed while it is in use is refused also after a checkpoint was partial', async (t) => {
  const folder = t.testdir()
  const [path, moved] = [join(folder, 'a.db'), join(folder, 'moved.db')]
  const server = await startServer(t, { environment: environment(path) })
  await eraseWhileRead(t, server.url, path)
  renameSync(path, moved)
  await refused(t, moved, /in use by another process.*, under another name/)
})

t.test(
  'a program that reads the file while it is served, also after a partial checkpoint, leaves its log: no answer is lost',
  { skip: hasSqlite ? false : 'there is no sqlite3' },
  async (t) => {
    const path = join(t.testdir(), 'a.db')
    const launch = { environment: environment(path) }
    const server = await startServer(t, launch)
    await eraseWhileRead(t, server.url, path)
    const log = statSync(`${path}-wal`).ino
    t.match(spawnSync('sqlite3', [path, 'SELECT count(*) FROM formulas']), { status: 0 })
    t.equal(statSync(`${path}-wal`, { throwIfNoEntry: false })?.ino, log)
    t.equal((await post(server.url, 'k', formula(1))).status, 200)
    await server.kill('SIGKILL')
    const replayed = await post((await startServer(t, launch)).url, 'k', formula(1))
    t.match(
      { status: replayed.status, replayed: replayed.headers.get('idempotent-replayed') },
      { status: 200, replayed: 'true' },
    )
  },
)
