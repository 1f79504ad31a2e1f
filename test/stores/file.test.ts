import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { openForWriting, own } from '../../src/stores/sqlite/file.ts'
import { migrations } from '../../src/stores/sqlite/schema.ts'

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
  const id = first.prepare('SELECT store_id FROM identity').all()
  t.equal(id.length, 1)
  first.close()
  t.same(open(t, path).prepare('SELECT store_id FROM identity').all(), id)
})

t.test('a file of a newer version, of another program, or that is no database is refused untouched', async (t) => {
  const directory = t.testdir()
  const path = (name: string): string => join(directory, name)
  const newer = openForWriting(path('newer.db'))
  newer.exec('PRAGMA user_version = 99')
  newer.close()
  t.throws(() => openForWriting(path('newer.db')), { name: 'StoreRefused', message: /newer version/ })
  const foreign = new DatabaseSync(path('foreign.db'))
  foreign.exec('CREATE TABLE theirs (x)')
  foreign.close()
  t.throws(() => openForWriting(path('foreign.db')), { name: 'StoreRefused', message: /another program/ })
  writeFileSync(path('noise.db'), 'no database '.repeat(100))
  t.throws(() => openForWriting(path('noise.db')), { name: 'StoreRefused', message: /damaged or no SQLite/ })
  mkdirSync(path('folder.db'))
  t.throws(() => openForWriting(path('folder.db')), { name: 'StoreRefused', message: /cannot be opened/ })
})

t.test('an empty file is taken as a new one', async (t) => {
  const path = join(t.testdir({ 'a.db': '' }), 'a.db')
  t.equal(pragma(open(t, path), 'user_version'), migrations.length)
})

t.test('a file is owned by one at a time', async (t) => {
  const path = join(t.testdir(), 'new', 'folder', 'a.db')
  const disown = own(path)
  t.throws(() => own(path), { name: 'StoreRefused', message: /in use/ })
  disown()
  own(path)()
  writeFileSync(join(t.testdirName, 'file'), '')
  t.throws(() => own(join(t.testdirName, 'file', 'a.db')), { name: 'StoreRefused', message: /cannot be opened/ })
})
