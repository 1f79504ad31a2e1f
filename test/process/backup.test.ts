import { copyFileSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { QueueStats } from '../../src/stores/ports.ts'
import { start } from '../command.ts'
import { call, formula, post, startService } from './service-process.ts'

interface Formulas {
  formulas: { id: string }[]
  nextCursor: string | null
}
interface Leased {
  events: { id: string; receipt: string }[]
}
/** One that was answered 200. */
interface Accepted {
  key: string
  number: number
  id: string
  body: string
}
type Environment = Record<string, string>

const backUp = (t: Test, environment: Environment, ...words: string[]) =>
  start(t, 'src/backup.ts', words, environment).ended

/** What clients of a running service saw until told to stop, and a consumer that works on the first events alone. */
function load(url: string) {
  const [accepted, acked]: [Accepted[], Set<string>] = [[], new Set()]
  let stopped = false
  let sent = 0
  const submit = async (): Promise<void> => {
    while (!stopped) {
      const number = ++sent
      const answer = await post(url, `key-${number}`, formula(number))
      const body = await answer.text()
      accepted.push({ key: `key-${number}`, number, id: JSON.parse(body).formulas[0].id, body })
    }
  }
  const consume = async (): Promise<void> => {
    while (acked.size < 100) {
      const { events } = await call<Leased>(url, '/events/receive', { max: 2, waitSeconds: 1 })
      if (events.length === 0) continue
      await call(url, '/events/ack', { receipts: events.map(({ receipt }) => receipt) })
      for (const { id } of events) acked.add(id)
    }
  }
  const all = Promise.all([...Array.from({ length: 8 }, submit), consume()])
  return {
    accepted,
    acked,
    async reaches(count: number): Promise<void> {
      while (accepted.length < count) await new Promise((resolve) => setImmediate(resolve))
    },
    async stop(): Promise<void> {
      stopped = true
      await all
    },
  }
}

/** Every formula of a service, and every event that it still hands out. */
async function contentsOf(url: string): Promise<{ formulas: Set<string>; events: Set<string> }> {
  const [formulas, events] = [new Set<string>(), new Set<string>()]
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Formulas = await call(url, `/formulas?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)
    for (const { id } of page.formulas) formulas.add(id)
    cursor = page.nextCursor
  }
  for (;;) {
    const leased = await call<Leased>(url, '/events/receive', { max: 100, leaseSeconds: 3600 })
    if (leased.events.length === 0) return { formulas, events }
    for (const { id } of leased.events) events.add(id)
  }
}

for (const [way, queueFile] of [
  ['one file', 'formulas.db'],
  ['database and queue in two files', 'events.db'],
] as const) {
  t.test(`${way}: a backup under load, restored, has what was answered before it, events and keys too`, async (t) => {
    const directory = t.testdir({ restored: {} })
    const stores = (folder: string): Environment => ({
      DATABASE_URL: `sqlite:${join(folder, 'formulas.db')}`,
      QUEUE_URL: `sqlite:${join(folder, queueFile)}`,
    })
    const { url } = await startService(t, stores(directory))
    const { accepted, acked, reaches, stop } = load(url)
    await reaches(300)
    const before = [...accepted]
    const made = await backUp(t, stores(directory), 'backup')
    t.match(made, { code: 0, stderr: [], stdout: [/^database\.db: \d+ formulas, \d+ events$/] })
    await reaches(accepted.length + 100)
    await stop()

    const restored = join(directory, 'restored')
    copyFileSync(join(directory, 'backup/database.db'), join(restored, 'formulas.db'))
    if (way !== 'one file') copyFileSync(join(directory, 'backup/queue.db'), join(restored, queueFile))
    const again = await startService(t, stores(restored))
    for (const { key, number, body } of before.slice(-20)) {
      const replay = await post(again.url, key, formula(number))
      t.equal(replay.headers.get('idempotent-replayed'), 'true', key)
      t.equal(await replay.text(), body)
    }
    t.match(await call(again.url, '/cleanups'), { cleanups: [] })
    const { formulas, events } = await contentsOf(again.url)
    const missing = before.filter(({ id }) => !formulas.has(id))
    t.same(missing, [], 'no formula is missing that was answered before')
    t.same(
      [...formulas].filter((id) => !events.has(id) && !acked.has(id)),
      [],
      'each formula has its event, unless that was acknowledged',
    )
    t.ok(formulas.size < accepted.length, 'and what was taken in later is gone')
    const [lost] = accepted.filter(({ id }) => !formulas.has(id))
    const resent = await post(again.url, lost?.key ?? '', formula(lost?.number ?? 0))
    t.match([resent.status, resent.headers.get('idempotent-replayed')], [200, null], 'a repeat of it is taken in anew')
  })
}

t.test('only the owner can read a backup', async (t) => {
  const environment = { DATABASE_URL: `sqlite:${join(t.testdir(), 'formulas.db')}` }
  await startService(t, environment)
  t.match(await backUp(t, environment, 'daily/1'), { code: 0 })
  t.equal(statSync(join(t.testdirName, 'daily/1')).mode & 0o777, 0o700)
  t.equal(statSync(join(t.testdirName, 'daily/1/database.db')).mode & 0o777, 0o600)
})

t.test('what cannot be backed up is told in one line, ends with 1, and leaves nothing behind', async (t) => {
  const directory = t.testdir({ 'noise.db': 'no database '.repeat(100), kept: { 'database.db': 'kept' } })
  const file = (name: string): Environment => ({ DATABASE_URL: `sqlite:${join(directory, name)}` })
  const { kill } = await startService(t, file('formulas.db'))
  await kill('SIGTERM')
  for (const [environment, ...words] of [
    [file('formulas.db')],
    [file('formulas.db'), '--help'],
    [file('formulas.db'), 'kept'],
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
    readdirSync(directory).filter((name) => /new|help/.test(name)),
    [],
  )
  t.same(readdirSync(join(directory, 'kept')), ['database.db'])
})

t.test('a backup that was interrupted is not taken for one, and not written over', async (t) => {
  const directory = t.testdir({ 'daily.part': {} })
  const environment = { DATABASE_URL: `sqlite:${join(directory, 'formulas.db')}` }
  await startService(t, environment)
  writeFileSync(join(directory, 'daily.part/database.db'), 'half')
  t.match(await backUp(t, environment, 'daily'), { code: 1, stderr: [/daily\.part is there already$/] })
  t.notOk(existsSync(join(directory, 'daily')))
})

t.test('what is in no file is said not to be in the backup', async (t) => {
  const environment = { DATABASE_URL: `sqlite:${join(t.testdir(), 'formulas.db')}`, QUEUE_URL: 'memory:' }
  const { url } = await startService(t, environment)
  await post(url, 'k', formula(1))
  const { stdout } = await backUp(t, environment, 'daily')
  t.same(stdout, ['database.db: 1 formulas, 0 events', 'The queue is in no file: it is not in this backup'])
  t.match(await call<QueueStats>(url, '/events/stats'), { ready: 1 })
})
