import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { backUp } from '../../src/stores/sqlite/durability/back-up.ts'
import { openForWriting } from '../../src/stores/sqlite/durability/file.ts'

const pathsOf = (t: Test) => ({ path: join(t.testdir(), 'a.db'), target: join(t.testdirName, 'copy.db') })

/** Runs statements on a connection of its own, which reads the schema anew. */
function run(path: string, ...statements: string[]): void {
  const db = new DatabaseSync(path, { defensive: false })
  for (const statement of statements) db.exec(statement)
  db.close()
}

t.test('a backup of a damaged file is refused: the copy is read back and checked', async (t) => {
  const { path, target } = pathsOf(t)
  openForWriting(path).close()
  t.same(backUp(path, target), { formulas: 0, events: 0 })
  const rewrite = (from: string, to: string): string =>
    `UPDATE sqlite_schema SET sql = replace(sql, '${from}', '${to}') WHERE name = 'given_up'`
  run(path, 'PRAGMA writable_schema = ON', rewrite('at INTEGER NOT NULL', 'at INTEGER'))
  run(path, "INSERT INTO given_up VALUES ('1', NULL)")
  run(path, 'PRAGMA writable_schema = ON', rewrite('at INTEGER', 'at INTEGER NOT NULL'))
  t.throws(() => backUp(path, `${target}2`), {
    name: 'StoreRefused',
    message: /^The copy is damaged: NULL value/,
  })
})

t.test('a database of another program is not backed up', async (t) => {
  const { path, target } = pathsOf(t)
  const other = new DatabaseSync(path)
  other.exec('CREATE TABLE t (a)')
  other.close()
  t.throws(() => backUp(path, target), { name: 'StoreRefused', message: /is a database of another program/ })
  t.notOk(existsSync(target))
})
