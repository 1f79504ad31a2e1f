import { linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { backUp } from '../../src/stores/sqlite/durability/back-up.ts'
import { lock, openForWriting } from '../../src/stores/sqlite/durability/file.ts'
import { openSqlite } from '../../src/stores/sqlite/engine.ts'
import { EARLIER_IDS, migrations, PAGE_SIZE } from '../../src/stores/sqlite/schema.ts'
import { SqliteReader } from '../../src/stores/sqlite/sqlite-reader.ts'
import { DEFAULT, readIn } from '../contract/leasing.ts'
import { formula, listed, namesIn, submission } from '../contract/submissions.ts'
import { TestClock } from '../support/test-clock.ts'

function open(t: Test, path: string): DatabaseSync {
  const db = openForWriting(path)
  t.teardown(() => db.isOpen && db.close())
  return db
}

const pragma = (db: DatabaseSync, name: string): unknown => Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]

t.test('every commit is synced to disk', async (t) => {
  const db = open(t, join(t.testdir(), 'a.db'))
  t.equal(pragma(db, 'journal_mode'), 'wal')
  t.equal(pragma(db, 'synchronous'), 2)
})

t.test('a new file has every migration, and opening it again changes nothing', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const first = open(t, path)
  t.equal(pragma(first, 'user_version'), migrations.length)
  t.equal(pragma(first, 'page_size'), PAGE_SIZE)
  const id = first.prepare('SELECT store_id FROM identity').all()
  t.equal(id.length, 1)
  first.close()
  t.same(open(t, path).prepare('SELECT store_id FROM identity').all(), id)
})

t.test('trimmed events, expired answers and erased formulas leave no bytes in the file', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const clock = new TestClock()
  const { intake, db, queue, idempotency, close } = await openSqlite(path, {
    clock,
    answerTtlMs: 1000,
    maxReceives: 5,
  })
  const secret = (n: number) => formula(`secret name ${n}`, `${n + 1}`)
  const submissions = Array.from({ length: 1_000 }, (_, n) => submission([secret(n)]))
  await Promise.all(submissions.map((one) => intake.accept(one)))
  const acked = await readIn(queue, DEFAULT)
  t.ok(acked.includes('secret'))
  clock.advance(1001)
  while ((await queue.trim(clock.now(), 100)) > 0);
  while ((await idempotency.sweep(100)) > 0);
  for (const { id } of (await listed(db, { limit: 200 })).items) await intake.erase(id)
  const left = (await listed(db, { limit: 200 })).items
  await close()
  const file = readFileSync(path)
  for (const { id } of submissions) t.notOk(file.includes(Buffer.from(id.replaceAll('-', ''), 'hex')))
  t.notOk(file.includes('secret name 999'))
  t.ok(file.includes(namesIn(left)[0] as string))
})

t.test('a file of a newer version, of another program, or that is no database is refused untouched', async (t) => {
  const directory = t.testdir()
  const path = (name: string): string => join(directory, name)
  const newer = openForWriting(path('newer.db'))
  newer.exec('PRAGMA user_version = 99')
  newer.close()
  const foreign = new DatabaseSync(path('foreign.db'))
  foreign.exec('CREATE TABLE theirs (x)')
  foreign.close()
  writeFileSync(path('noise.db'), 'no database '.repeat(100))
  for (const [name, message] of [
    ['newer.db', /newer version/],
    ['foreign.db', /another program/],
    ['noise.db', /damaged or not a SQLite/],
  ] as const) {
    const before = readFileSync(path(name))
    t.throws(() => openForWriting(path(name)), { name: 'StoreRefused', message })
    t.same(readFileSync(path(name)), before)
  }
  mkdirSync(path('folder.db'))
  t.throws(() => openForWriting(path('folder.db')), { name: 'StoreRefused', message: /cannot be opened/ })
})

t.test('a file of an earlier version is refused untouched, whether to serve, back up or move it', async (t) => {
  for (const origin of EARLIER_IDS) {
    const path = join(t.testdir(), 'old.db')
    const old = openForWriting(path)
    old.exec(`PRAGMA application_id = ${origin}`)
    old.close()
    const before = readFileSync(path)
    const refusal = { name: 'StoreRefused', message: /old\.db is of an earlier version: run `npm run export`/ }
    t.throws(() => openForWriting(path), refusal)
    t.throws(() => backUp(path, `${path}.copy`), refusal)
    t.throws(() => new SqliteReader(path), refusal)
    const unlock = lock(path)
    t.throws(() => new SqliteReader(path), refusal, 'also while it is in use')
    unlock()
    t.same(readFileSync(path), before)
  }
})

t.test('an empty file is initialised like a new one', async (t) => {
  const path = join(t.testdir({ 'a.db': '' }), 'a.db')
  t.equal(pragma(open(t, path), 'user_version'), migrations.length)
})

t.test('a file with a second name is refused by what it is, not by what its path says', async (t) => {
  const path = join(t.testdir({ 'in use': {} }), 'in use', 'a.db')
  openForWriting(path).close()
  linkSync(path, `${path}.again`)
  t.throws(() => new SqliteReader(path), { name: 'StoreRefused', message: /second name/ })
})

t.test('a file can be locked only once at a time', async (t) => {
  const path = join(t.testdir(), 'new', 'folder', 'a.db')
  const unlock = lock(path)
  t.throws(() => lock(path), { name: 'StoreRefused', message: /in use/ })
  unlock()
  lock(path)()
  writeFileSync(join(t.testdirName, 'file'), '')
  t.throws(() => lock(join(t.testdirName, 'file', 'a.db')), { name: 'StoreRefused', message: /cannot be opened/ })
})
