import { copyFileSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { QueueStats } from '../../src/stores/ports.ts'
import { start } from '../support/command.ts'
import { startListening } from '../support/http/service.ts'
import { checkRestored, type Leased, load } from '../support/restored.ts'
import { call, formula, post } from '../support/service-process.ts'

t.setTimeout(300_000)

type Environment = Record<string, string>

const backUp = (t: Test, environment: Environment, ...words: string[]) =>
  start(t, 'src/cli/backup.ts', words, environment).ended

for (const [layout, queueFile] of [
  ['one file', 'formulas.db'],
  ['database and queue in two files', 'events.db'],
] as const) {
  t.test(
    `${layout}: a backup under load, restored, has what was answered before it, events and keys too`,
    async (t) => {
      const directory = t.testdir({ restored: {} })
      const stores = (folder: string): Environment => ({
        DATABASE_URL: `sqlite:${join(folder, 'formulas.db')}`,
        QUEUE_URL: `sqlite:${join(folder, queueFile)}`,
      })
      const { url } = await startListening(t, stores(directory))
      const traffic = load(url)
      const { accepted, reaches, stop } = traffic
      await reaches(300)
      const before = [...accepted]
      const made = await backUp(t, stores(directory), 'backup')
      t.match(made, { code: 0, stderr: [], stdout: [/^database\.db: \d+ formulas, \d+ events$/] })
      await reaches(accepted.length + 100)
      await stop()

      const restored = join(directory, 'restored')
      copyFileSync(join(directory, 'backup/database.db'), join(restored, 'formulas.db'))
      if (layout !== 'one file') copyFileSync(join(directory, 'backup/queue.db'), join(restored, queueFile))
      const again = await startListening(t, stores(restored))
      await checkRestored(t, again.url, before, traffic)
    },
  )
}

t.test('only the owner can read a backup', async (t) => {
  const environment = { DATABASE_URL: `sqlite:${join(t.testdir(), 'formulas.db')}` }
  await startListening(t, environment)
  t.match(await backUp(t, environment, 'daily/1'), { code: 0 })
  t.equal(statSync(join(t.testdirName, 'daily/1')).mode & 0o777, 0o700)
  t.equal(statSync(join(t.testdirName, 'daily/1/database.db')).mode & 0o777, 0o600)
})

t.test('a failed backup prints one line, exits with 1 and leaves nothing behind', async (t) => {
  const directory = t.testdir({ 'noise.db': 'no database '.repeat(100), kept: { 'database.db': 'kept' } })
  const file = (name: string): Environment => ({ DATABASE_URL: `sqlite:${join(directory, name)}` })
  const { close } = await startListening(t, file('formulas.db'))
  await close()
  for (const [environment, ...words] of [
    [file('formulas.db')],
    [file('formulas.db'), '--daily'],
    [file('formulas.db'), 'kept'],
    [file('formulas.db'), 'kept/database.db/new'],
    [file('none.db'), 'new'],
    [file('noise.db'), 'new'],
    [{ ...file('formulas.db'), QUEUE_URL: `sqlite:${join(directory, 'none.db')}` }, 'new'],
    [{ DATABASE_URL: 'memory:' }, 'new'],
    [{ DATABASE_URL: 'mysql://x' }, 'new'],
  ] as [Environment, ...string[]][]) {
    const { code, stderr } = await backUp(t, environment, ...words)
    t.match({ code, stderr }, { code: 1, stderr: [/./] }, `${environment.DATABASE_URL} ${words}`)
    t.equal(stderr.length, 1)
  }
  t.same(
    readdirSync(directory).filter((name) => /new|daily/.test(name)),
    [],
  )
  t.same(readdirSync(join(directory, 'kept')), ['database.db'])
})

t.test('the .part folder of an interrupted backup is reported, and not overwritten', async (t) => {
  const directory = t.testdir({ 'daily.part': {} })
  const environment = { DATABASE_URL: `sqlite:${join(directory, 'formulas.db')}` }
  await startListening(t, environment)
  writeFileSync(join(directory, 'daily.part/database.db'), 'half')
  t.match(await backUp(t, environment, 'daily'), { code: 1, stderr: [/daily\.part already exists$/] })
  t.notOk(existsSync(join(directory, 'daily')))
})

t.test('a backup says that a queue in memory is not part of it', async (t) => {
  const environment = { DATABASE_URL: `sqlite:${join(t.testdir(), 'formulas.db')}`, QUEUE_URL: 'memory:' }
  const { url } = await startListening(t, environment)
  await post(url, 'k', formula(1))
  const { stdout } = await backUp(t, environment, 'daily')
  t.same(stdout, ['database.db: 1 formulas, 0 events', 'The queue is not a file: it is not in this backup'])
  t.match(await call<QueueStats>(url, '/events/stats'), { ready: 1 })
})

/** A service in two files that was backed up, and then took in and handed out more. */
async function movedOn(t: Test) {
  const directory = t.testdir()
  const environment = {
    DATABASE_URL: `sqlite:${join(directory, 'formulas.db')}`,
    QUEUE_URL: `sqlite:${join(directory, 'events.db')}`,
  }
  const { url, close } = await startListening(t, environment)
  await post(url, 'k-1', formula(1, 'Early'))
  await backUp(t, environment, 'backup')
  const { events } = await call<Leased>(url, '/events/receive', {})
  await call(url, '/events/ack', { receipts: events.map(({ receipt }) => receipt) })
  await post(url, 'k-2', formula(2, 'Late'))
  await close()
  return {
    restore: (copy: string, file: string) => copyFileSync(join(directory, 'backup', copy), join(directory, file)),
    start: () => startListening(t, environment),
  }
}

t.test('with only the database restored, events of formulas that it has lost are still delivered', async (t) => {
  const { restore, start } = await movedOn(t)
  restore('database.db', 'formulas.db')
  const { url } = await start()
  const { events } = await call<Leased>(url, '/events/receive', { max: 10 })
  t.match(events, [{ name: 'Late' }])
  t.match(await call(url, `/formulas/${events[0]?.id}`), { code: 'FORMULA_NOT_FOUND' })
  const again = await post(url, 'k-2', formula(2, 'Late'))
  t.match(await again.json(), { formulas: [{ id: events[0]?.id }] }, 'sent again, it has the same id')
})

t.test('with only the queue restored, acknowledged events are delivered again and later ones are lost', async (t) => {
  const { restore, start } = await movedOn(t)
  restore('queue.db', 'events.db')
  const { url } = await start()
  const { events } = await call<Leased>(url, '/events/receive', { max: 10 })
  t.match(events, [{ name: 'Early' }])
  t.equal(events.length, 1)
  t.match(await call(url, '/formulas'), { formulas: [{ name: 'Late' }, { name: 'Early' }] })
})
