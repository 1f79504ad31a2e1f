import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { openSqlite } from '../../src/stores/sqlite/engine.ts'
import { startPostgres } from '../postgres/server.ts'
import { FORMULAS, filledFile, OPTIONS } from './filled-file.ts'

const PROGRAM = join(import.meta.dirname, '../../src/moving/run.ts')

const server = await startPostgres({ durable: false })
t.teardown(() => server.stop())

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

t.test('the command moves a file, says what it did, and where it is not done yet ends with 3', async (t) => {
  const { path, clock } = await filledFile(t)
  const args = ['--from', `sqlite:${path}`, '--to', await server.createDatabase()]
  const running = await openSqlite(path, { clock, ...OPTIONS })
  const partly = run(...args)
  await running.close()
  t.match(partly, { status: 3, stdout: `${FORMULAS} formulas are copied`, stderr: '' })
  const whole = run(...args)
  t.match(whole, { status: 0, stdout: `${FORMULAS} formulas, 0 answers, ${FORMULAS - 1} events`, stderr: '' })
  t.match(whole.stdout, /^formulas: 0\nanswers: 0\nevents: \d+\nrows read back: \d+\nMoved and compared/)
})

t.test('what cannot be moved is told in one line, without a password, and ends with 1', async (t) => {
  const { path } = await filledFile(t)
  const file = `sqlite:${path}`
  for (const args of [
    [],
    ['--from', 'memory:', '--to', 'postgres://u:secret@h/d'],
    ['--from', file, '--to', file],
    ['--from', file, '--to', 'postgres://u:secret@127.0.0.1:1/d'],
    ['--from', file, '--what'],
    ['--from', `${file}.gone`, '--to', 'postgres://u:secret@127.0.0.1:1/d'],
  ]) {
    const { status, stdout, stderr } = run(...args)
    t.match({ status, stdout }, { status: 1, stdout: '' }, args.join(' '))
    t.match(stderr, /^[^\n]+\n$/)
    t.notMatch(stderr, /secret/)
  }
})
