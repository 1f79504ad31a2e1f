import { type ExecFileOptions, execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { readPage } from '../support/docs/pages.ts'
import { accountOf, findInstalled } from '../support/postgres/binaries.ts'
import { Cluster } from '../support/postgres/cluster.ts'
import { query, startPostgres } from '../support/postgres/server.ts'
import { checkRestored, load } from '../support/restored.ts'
import { startService } from '../support/service-process.ts'

const PAGE = 'docs/how-to/back-up-and-restore.md'
const binaries = findInstalled()

function find(pattern: string): string {
  const found = new RegExp(pattern, 'm').exec(readPage(PAGE))?.[1]
  if (found === undefined) throw new Error(`${PAGE} has no ${pattern}`)
  return found
}

/** The command of the page that begins with this program. */
const commandOf = (program: string): string => find(`^\`\`\`bash\n(${program} [^\`]+)\`\`\``)

/** The value of a server setting on the page. */
const settingOf = (name: string): string => find(`^${name} = '?(.+?)'?$`)

function run(command: string, database: string, options: ExecFileOptions) {
  const env = { PATH: `${binaries.folder}:${process.env.PATH}`, ...(database !== '' && variablesOf(database)) }
  return promisify(execFile)('bash', ['-ec', command], { ...options, env })
}

/** The environment variables that the page sets for a database. */
function variablesOf(database: string) {
  const { hostname, port, username, password, pathname } = new URL(database)
  const [PGUSER, PGPASSWORD, PGDATABASE] = [username, password, pathname.slice(1)].map(decodeURIComponent)
  return { PGHOST: hostname, PGPORT: port, PGUSER, PGPASSWORD, PGDATABASE }
}

t.test('no command of the page holds the URL with its password', async (t) => {
  for (const program of ['pg_dump', 'pg_restore', 'pg_basebackup']) t.notMatch(commandOf(program), /URL|:\/\//)
})

t.test('a dump made under load, restored as the page says, has what was answered before it', async (t) => {
  const server = await startPostgres({ durable: false, binaries })
  t.teardown(() => server.stop())
  const cwd = t.testdir()
  const database = await server.createDatabase()
  const { url } = await startService(t, { DATABASE_URL: database })
  const traffic = load(url)
  await traffic.reaches(150)
  const before = [...traffic.accepted]
  await run(commandOf('pg_dump'), database, { cwd })
  await traffic.reaches(traffic.accepted.length + 100)
  await traffic.stop()

  const restored = await server.createDatabase()
  await run(commandOf('pg_restore'), restored, { cwd })
  const again = await startService(t, { DATABASE_URL: restored })
  await checkRestored(t, again.url, before, traffic)
  await again.kill('SIGTERM')
  await run(commandOf('pg_restore'), restored, { cwd })
  await startService(t, { DATABASE_URL: restored })
})

t.test('a base backup and the archived log bring back what was answered up to the end of it', async (t) => {
  t.testdir()
  const backups = mkdtempSync(join(tmpdir(), 'formula-backups-'))
  t.teardown(() => rmSync(backups, { recursive: true }))
  const account = accountOf()
  mkdirSync(join(backups, 'wal'))
  if (account.uid !== undefined) await run(`chown -R ${account.uid} .`, '', { cwd: backups })
  const there = (text: string): string => text.replaceAll('/backups', backups)
  const archive = { archive_mode: settingOf('archive_mode'), archive_command: there(settingOf('archive_command')) }
  const server = await startPostgres({ settings: archive, binaries })
  t.teardown(() => server.stop())

  const database = await server.createDatabase('formulas')
  const { url } = await startService(t, { DATABASE_URL: database })
  const traffic = load(url)
  await traffic.reaches(100)
  await run(there(commandOf('pg_basebackup')), database, { cwd: backups, ...account })
  await traffic.reaches(traffic.accepted.length + 100)
  const before = [...traffic.accepted]
  const [row] = await query<{ file: string }>(database, 'SELECT pg_walfile_name(pg_switch_wal()) AS file')
  while (!existsSync(join(backups, 'wal', row?.file ?? ''))) await pause(20)
  await traffic.reaches(traffic.accepted.length + 100)
  await traffic.stop()
  await server.crash()

  const settings = { archive_mode: 'off', restore_command: there(settingOf('restore_command')) }
  const restored = await Cluster.restore(settings, binaries, async (data, account) => {
    await run(`cp -r base '${data}' && touch '${data}/recovery.signal'`, '', { cwd: backups, ...account })
  })
  t.teardown(() => restored.remove())
  const { href } = Object.assign(new URL(database), { port: restored.port })
  const again = await startService(t, { DATABASE_URL: href })
  await checkRestored(t, again.url, before, traffic)
})
