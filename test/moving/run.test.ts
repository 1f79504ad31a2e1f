import { spawnSync } from 'node:child_process'
import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lock } from '../../src/stores/sqlite/durability/file.ts'
import { openSqlite } from '../../src/stores/sqlite/engine.ts'
import { FORMULAS, filledFile, OPTIONS } from '../support/filled-file.ts'
import { inherited } from '../support/inherited.ts'
import { query, startPostgres } from '../support/postgres/server.ts'

const PROGRAM = join(import.meta.dirname, '../../src/cli/migrate-store.ts')

const server = await startPostgres({ durable: false })
t.teardown(() => server.stop())

function run(args: string[], to?: string) {
  const env = { ...inherited(), ...(to !== undefined && { TO_DATABASE_URL: to }) }
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
    encoding: 'utf8',
    env,
    timeout: 60_000,
  })
  return { status, stdout, stderr }
}

t.test('the command moves a file, says what it did, and where it is not done yet ends with 3', async (t) => {
  const { path, clock } = await filledFile(t)
  const args = ['--from', `sqlite:${path}`]
  const to = await server.createDatabase()
  const running = await openSqlite(path, { clock, ...OPTIONS })
  const partly = run(args, to)
  await running.close()
  t.match(partly, { status: 3, stdout: `${FORMULAS} formulas are copied`, stderr: '' })
  rmSync(`${path}.lock`)
  const whole = run(args, to)
  t.match(whole, { status: 0, stdout: `${FORMULAS} formulas, 0 answers, ${FORMULAS} events`, stderr: '' })
  t.equal((statSync(`${path}.lock`).mode & 0o777).toString(8), '600', 'the lock is for its owner alone, as the file is')
  t.match(whole.stdout, /^formulas: 0\nanswers: 0\nevents: \d+\nrows read back: \d+\nMoved and compared/)
})

t.test('a move that breaks off half-way ends with 1, after one line', async (t) => {
  const { path } = await filledFile(t)
  const to = await server.createDatabase()
  const args = ['--from', `sqlite:${path}`]
  const running = lock(path)
  t.equal(run(args, to).status, 3)
  running()
  await query(to, 'ALTER TABLE formula_intake.events RENAME TO elsewhere')
  const { status, stderr } = run(args, to)
  t.equal(status, 1)
  t.match(stderr, /^[^\n]+\n$/)
})

t.test('what cannot be moved is told in one line, without a password, and ends with 1', async (t) => {
  const { path } = await filledFile(t)
  const file = `sqlite:${path}`
  const [nowhere, open] = ['postgres://u:secret@127.0.0.1:1/d', 'postgres://u@127.0.0.1:1/d']
  for (const [args, to] of [
    [[]],
    [['--from', 'memory:'], nowhere],
    [['--from', file], file],
    [['--from', file]],
    [['--from', file], nowhere],
    [['--from', file, '--to', open]],
    [['--from', file, '--what']],
    [['--from', `${file}.gone`], nowhere],
  ] as [string[], string?][]) {
    const { status, stdout, stderr } = run(args, to)
    t.match({ status, stdout }, { status: 1, stdout: '' }, args.join(' '))
    t.match(stderr, /^[^\n]+\n$/)
    t.notMatch(stderr, /secret/)
  }
})

t.test('a password on the command line is refused before anything is done: all users see it there', async (t) => {
  const { path } = await filledFile(t)
  for (const to of [
    'postgres://u:secret@127.0.0.1:1/d',
    'POSTGRESQL://u:se%40cret@127.0.0.1:1/d',
    'postgres://u@127.0.0.1:1/d?password=secret',
    'postgres://127.0.0.1:1/d?user=u&password=secret',
  ]) {
    const { status, stderr } = run(['--from', `sqlite:${path}`, '--to', to])
    t.equal(status, 1)
    t.match(stderr, /^--to must not hold a password, .* put the URL into TO_DATABASE_URL\. Usage: [^\n]+\n$/)
    t.notMatch(stderr, /secret|se%40cret/)
  }
})
