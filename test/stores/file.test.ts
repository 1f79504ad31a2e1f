import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import type { FormulaEvent } from '../../src/stores/ports.ts'
import { backUp } from '../../src/stores/sqlite/durability/back-up.ts'
import { lock, openForWriting } from '../../src/stores/sqlite/durability/file.ts'
import { openSqlite } from '../../src/stores/sqlite/engine.ts'
import { APPLICATION_ID, FINGERPRINTS_1, migrations } from '../../src/stores/sqlite/schema.ts'
import { SqliteReader } from '../../src/stores/sqlite/sqlite-reader.ts'
import { events, formula, idOf, submission } from '../contract/submissions.ts'
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
  const id = first.prepare('SELECT store_id FROM identity').all()
  t.equal(id.length, 1)
  first.close()
  t.same(open(t, path).prepare('SELECT store_id FROM identity').all(), id)
})

t.test('names of events that were acked, and keys of answers that expired, are nowhere in the file', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const clock = new TestClock()
  const stores = await openSqlite(path, { clock, answerTtlMs: 1000, maxReceives: 5 })
  const [event] = events('x')
  const many = Array.from({ length: 1_000 }, (_, n) => ({ ...event, id: idOf(`${n}`), name: `secret event ${n}` }))
  await stores.queue.publish('1', many as FormulaEvent[])
  await stores.queue.release('1', many as FormulaEvent[])
  const submissions = many.map((_, n) => submission([formula(`${n}`, `${n + 1}`)], { key: `secret key ${n}` }))
  await Promise.all(submissions.map((one) => stores.intake.accept(one)))
  for (let left = 2 * many.length; left > 0; ) {
    const { events } = await stores.queue.receive(100, 1000)
    left -= events.length
    await stores.queue.ack(events.map(({ receipt }) => receipt))
  }
  clock.advance(1001)
  while ((await stores.idempotency.sweep(100)) > 0);
  await stores.close()
  t.notOk(readFileSync(path).includes('secret event'))
  t.notOk(readFileSync(path).includes('secret key'))
})

t.test('a file of before events told their trace is brought up, with its events in every state', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const old = new DatabaseSync(path)
  for (const migration of migrations.slice(0, 2)) old.exec(migration)
  old.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = 2;
    INSERT INTO identity (store_id) VALUES ('old');
    INSERT INTO ready VALUES (1, x'${idOf('ready')}', 'ready', 0, 0);
    INSERT INTO leased VALUES (1, 'nonce', 1, 2, x'${idOf('leased')}', 'leased', 0, 1);
    INSERT INTO delayed VALUES (3, 1, x'${idOf('delayed')}', 'delayed', 0, 1);
    INSERT INTO dead VALUES (4, x'${idOf('dead')}', 'dead', 0, 5, 0, 'nacked');
    INSERT INTO held VALUES ('1', 0, x'${idOf('held')}', 'held', 0);
    INSERT INTO marks VALUES ('1', 'held', 0);
    UPDATE counters SET next_position = 5, ready = 1, leased = 1, delayed = 1, dead = 1`)
  old.close()
  const { queue, close } = await openSqlite(path, { clock: new TestClock(), answerTtlMs: 1000, maxReceives: 5 })
  t.teardown(close)
  await queue.release('1', [])
  t.equal(await queue.redrive(), 1)
  const { events } = await queue.receive(10, 1000)
  t.same(
    events.map(({ name, receiveCount }) => [name, receiveCount]),
    [
      ['ready', 1],
      ['leased', 2],
      ['delayed', 2],
      ['held', 1],
      ['dead', 1],
    ],
  )
  t.notMatch(events, [{ traceparent: String }], 'none tells a trace')
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

t.test('a file with fingerprints of version 1 is refused untouched, to be served, backed up and moved', async (t) => {
  const path = join(t.testdir(), 'old.db')
  const old = openForWriting(path)
  old.exec(`PRAGMA application_id = ${FINGERPRINTS_1}`)
  old.close()
  const before = readFileSync(path)
  const refusal = { name: 'StoreRefused', message: /old\.db was written by a version whose fingerprints differ/ }
  t.throws(() => openForWriting(path), refusal)
  t.throws(() => backUp(path, `${path}.copy`), refusal)
  t.throws(() => new SqliteReader(path), refusal)
  const unlock = lock(path)
  t.throws(() => new SqliteReader(path), refusal, 'also while it is in use')
  unlock()
  t.same(readFileSync(path), before)
})

t.test('an empty file is taken as a new one', async (t) => {
  const path = join(t.testdir({ 'a.db': '' }), 'a.db')
  t.equal(pragma(open(t, path), 'user_version'), migrations.length)
})

t.test('a file is owned by one at a time', async (t) => {
  const path = join(t.testdir(), 'new', 'folder', 'a.db')
  const unlock = lock(path)
  t.throws(() => lock(path), { name: 'StoreRefused', message: /in use/ })
  unlock()
  lock(path)()
  writeFileSync(join(t.testdirName, 'file'), '')
  t.throws(() => lock(join(t.testdirName, 'file', 'a.db')), { name: 'StoreRefused', message: /cannot be opened/ })
})
