import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { checkSqliteVersion, openForWriting } from '../../src/stores/sqlite/durability/file.ts'

test('SQLite before 3.51 is refused: asking for the length of its log would run a checkpoint', async (t) => {
  for (const old of ['3.50.4', '3.9.2', '2.8.17']) {
    t.throws(() => checkSqliteVersion(old), { name: 'StoreRefused', message: /use Node 24\.14\.1 or later$/ }, old)
  }
  for (const fit of ['3.51.0', '3.53.4', '4.0.0']) t.doesNotThrow(() => checkSqliteVersion(fit), fit)
})

test('the message names the Node that package.json asks for', async (t) => {
  const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  t.throws(() => checkSqliteVersion('3.0.0'), { message: new RegExp(`Node ${engines.node.replace('>=', '')} `) })
})

test('with a SQLite that is too old, no file is created', async (t) => {
  const own = Object.getOwnPropertyDescriptor(process, 'versions') as PropertyDescriptor
  t.teardown(() => Object.defineProperty(process, 'versions', own))
  Object.defineProperty(process, 'versions', { ...own, value: { ...process.versions, sqlite: '3.50.4' } })
  const path = join(t.testdir(), 'new.db')
  t.throws(() => openForWriting(path), { name: 'StoreRefused', message: /has SQLite 3\.50\.4/ })
  t.notOk(existsSync(path))
})
