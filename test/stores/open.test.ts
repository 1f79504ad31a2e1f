import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { StoreRefused } from '../../src/errors/store-errors.ts'
import { parseLocation, type StoreLocation, sameLocation } from '../../src/stores/location.ts'
import { openStores } from '../../src/stores/open.ts'
import type { Stores } from '../../src/stores/ports.ts'
import { formula, submission } from '../contract/submissions.ts'
import { TestClock } from '../support/test-clock.ts'

const sqlite = (path: string): StoreLocation => ({ engine: 'sqlite', path })
const MEMORY: StoreLocation = { engine: 'memory' }

async function open(t: Test, database: StoreLocation, queue: StoreLocation, warnings: string[] = []): Promise<Stores> {
  const options = { clock: new TestClock(), answerTtlMs: 1_000, maxReceives: 5 }
  const stores = await openStores({ database, queue, options, warn: (message) => warnings.push(message) })
  t.teardown(() => stores.close())
  return stores
}

async function publishOne(stores: Stores): Promise<void> {
  const one = submission([formula('a')])
  if (stores.intake !== null) return void (await stores.intake.accept(one))
  const added = await stores.db.add(`${one.id}.1`, one)
  const events = added.kind === 'added' ? added.events : []
  await stores.queue.publish(`${one.id}.1`, events)
  await stores.db.complete(`${one.id}.1`)
  await stores.queue.release(`${one.id}.1`, events)
  await stores.db.finish(`${one.id}.1`)
}

t.test('database and queue in one store share transactions; two stores are kept in step by a saga', async (t) => {
  const directory = t.testdir()
  const [a, b] = [join(directory, 'a.db'), join(directory, 'b.db')]
  t.ok((await open(t, MEMORY, MEMORY)).intake)
  t.ok((await open(t, sqlite(a), sqlite(join(directory, '.', 'a.db')))).intake)
  t.equal((await open(t, sqlite(b), MEMORY)).intake, null)
})

t.test('a durable database with a queue in memory causes a warning', async (t) => {
  const warnings: string[] = []
  await open(t, sqlite(join(t.testdir(), 'a.db')), MEMORY, warnings)
  t.match(warnings, [/events that wait when the process ends are lost/])
})

t.test('another queue is refused while the old one holds events or cannot be found', async (t) => {
  const directory = t.testdir()
  const file = (name: string) => sqlite(join(directory, name))
  const first = await open(t, file('a.db'), file('q.db'))
  await publishOne(first)
  await first.close()
  for (const other of [file('other.db'), file('a.db'), MEMORY]) {
    await t.rejects(open(t, file('a.db'), other), { message: /which still holds 1 event/ })
  }
  t.notOk(existsSync(join(directory, 'other.db')), 'and leaves no file behind')
  renameSync(join(directory, 'q.db'), join(directory, 'moved.db'))
  await t.rejects(open(t, file('a.db'), file('other.db')), { message: /not there to be drained/ })
  const moved = await open(t, file('a.db'), file('moved.db'))
  t.match(await moved.queue.stats('default'), { ready: 1 }, 'the same queue in another place is taken')
})

t.test('another file at the path of the old queue is not mistaken for it', async (t) => {
  const directory = t.testdir()
  const file = (name: string) => sqlite(join(directory, name))
  await (await open(t, file('a.db'), file('q.db'))).close()
  await (await open(t, file('x.db'), file('x.db'))).close()
  copyFileSync(join(directory, 'x.db'), join(directory, 'q.db'))
  for (const queue of [file('other.db'), file('q.db')]) {
    await t.rejects(open(t, file('a.db'), queue), { message: /not there to be drained/ })
  }
  const forget = new DatabaseSync(join(directory, 'a.db'))
  forget.exec('UPDATE identity SET queue_id = NULL')
  forget.close()
  t.ok(await open(t, file('a.db'), file('q.db')), 'an operator can give the old queue up')
})

t.test('a clean close leaves one file with everything in it', async (t) => {
  const directory = t.testdir()
  const stores = await open(t, sqlite(join(directory, 'a.db')), sqlite(join(directory, 'a.db')))
  await publishOne(stores)
  await stores.db.list({ limit: 1 })
  await stores.close()
  t.same(readdirSync(directory).sort(), ['a.db', 'a.db.lock'])
})

t.test('a drained queue can be replaced, also by the first one again', async (t) => {
  const directory = t.testdir()
  const file = (name: string) => sqlite(join(directory, name))
  for (const queue of [file('a.db'), file('q.db'), MEMORY, file('a.db')]) {
    const stores = await open(t, file('a.db'), queue)
    await stores.close()
  }
  t.pass()
})

t.test('another queue is refused while submissions are unfinished', async (t) => {
  const directory = t.testdir()
  const file = (name: string) => sqlite(join(directory, name))
  const first = await open(t, file('a.db'), file('q.db'))
  await first.db.add('1', submission([formula('a')]))
  await first.close()
  await t.rejects(open(t, file('a.db'), file('other.db')), { message: /while submissions are unfinished/ })
})

t.test('a database that cannot be opened is refused', async (t) => {
  const directory = t.testdir()
  mkdirSync(join(directory, 'folder.db'))
  writeFileSync(join(directory, 'file'), '')
  await t.rejects(open(t, sqlite(join(directory, 'folder.db')), MEMORY), StoreRefused)
  await t.rejects(open(t, sqlite(join(directory, 'file', 'a.db')), MEMORY), StoreRefused)
})

t.test('locations are the same when they resolve to the same store', async (t) => {
  const directory = t.testdir({ 'a.db': '', 'b.db': '' })
  const path = (name: string) => sqlite(join(directory, name))
  symlinkSync(join(directory, 'a.db'), join(directory, 'link.db'))
  linkSync(join(directory, 'a.db'), join(directory, 'hard.db'))
  symlinkSync(directory, join(directory, 'here'))
  t.ok(sameLocation(parseLocation('sqlite:./a.db'), parseLocation('sqlite:a.db')))
  t.ok(sameLocation(path('a.db'), path('link.db')))
  t.ok(sameLocation(path('a.db'), path('hard.db')))
  t.ok(sameLocation(path('new.db'), path('here/new.db')))
  t.notOk(sameLocation(path('a.db'), path('b.db')))
  t.notOk(sameLocation(path('a.db'), MEMORY))
  t.ok(sameLocation(MEMORY, MEMORY))
  t.ok(sameLocation(sqlite('/no/such/place/a.db'), sqlite('/no/such/place/a.db')))
})

t.test('a URL that names no store is refused with a reason', async (t) => {
  for (const url of [
    'sqlite:',
    'sqlite::memory:',
    'sqlite:dir/',
    'sqlite:a.db?mode=ro',
    'mysql://x',
    'formulas.db',
    '',
  ]) {
    t.throws(() => parseLocation(url), /must/, url)
  }
  t.same(parseLocation('sqlite:///var/a.db'), sqlite('/var/a.db'))
  t.same(parseLocation('memory:'), MEMORY)
})
