import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { StoreRefused } from '../../../src/errors/store-errors.ts'
import { systemClock } from '../../../src/kit/clock.ts'
import { lock, openForWriting } from '../../../src/stores/sqlite/durability/file.ts'
import { openSqlite } from '../../../src/stores/sqlite/engine.ts'
import { PAGE_SIZE } from '../../../src/stores/sqlite/schema.ts'
import { DEFAULT } from '../../contract/leasing.ts'
import { listed } from '../../contract/submissions.ts'
import { count } from '../figures.ts'
import { runServer } from '../server.ts'
import { copy, digests, FILE, makeFiles } from './damaged-file.ts'

t.setTimeout(600_000)

/** Changes the database at a path. */
type Damage = (path: string) => void

/** Changes bytes of a file. */
const bytes =
  (change: (content: Buffer) => void, suffix = ''): Damage =>
  (path) => {
    const content = readFileSync(`${path}${suffix}`)
    change(content)
    writeFileSync(`${path}${suffix}`, content)
  }

const sql =
  (statements: string): Damage =>
  (path) => {
    const db = new DatabaseSync(path)
    db.exec(statements)
    db.close()
  }

/** The root page of a table or index. */
function rootOf(path: string, name: string): number {
  const db = new DatabaseSync(path, { readOnly: true })
  const row = db.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').get(name)
  db.close()
  return row?.rootpage as number
}

/** Swaps the first and the last child of a tree's root. */
const swapChildren =
  (name: string): Damage =>
  (path) => {
    const root = (rootOf(path, name) - 1) * PAGE_SIZE
    bytes((content) => {
      const isInner = (content[root] as number) === 2 || (content[root] as number) === 5
      if (!isInner) throw new Error(`${name} has one page`)
      const children = [root + content.readUInt16BE(root + 12), root + 8].map((at) => content.readUInt32BE(at) - 1)
      const [a, b] = children.map((page) =>
        Buffer.from(content.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE)),
      ) as [Buffer, Buffer]
      content.set(b, (children[0] as number) * PAGE_SIZE)
      content.set(a, (children[1] as number) * PAGE_SIZE)
    })(path)
  }

const REFUSED: Record<string, Damage> = {
  'the first bytes': bytes((content) => content.fill(0xff, 0, 16)),
  'the page size': bytes((content) => content.writeUInt16BE(8_192, 16)),
  'the number of pages': bytes((content) => content.writeUInt32BE(1_000_000, 28)),
  'the first page': bytes((content) => content.fill(0, 100, PAGE_SIZE)),
  'the application id': bytes((content) => content.writeUInt32BE(7, 68)),
  'no schema version': bytes((content) => content.writeUInt32BE(0, 60)),
  'a newer schema version': bytes((content) => content.writeUInt32BE(99, 60)),
  'a page of formulas in zeros': (path) =>
    bytes((content) =>
      content.fill(0, (rootOf(path, 'formulas') - 1) * PAGE_SIZE, rootOf(path, 'formulas') * PAGE_SIZE),
    )(path),
  'formulas in the wrong order': swapChildren('formulas'),
  'answers in the wrong order': swapChildren('answers'),
  'an index in the wrong order': swapChildren('formulas_by_search'),
  'cut to half': (path) => truncateSync(path, Math.floor(readFileSync(path).length / 2 / PAGE_SIZE) * PAGE_SIZE),
  'cut within a page': (path) => truncateSync(path, readFileSync(path).length - 1_000),
  'cut to its header': (path) => truncateSync(path, 100),
  noise: bytes((content) => content.fill('noise')),
  'a table gone': sql('DROP TABLE marks'),
  'an index gone': sql('DROP TABLE formulas_by_prefix'),
  'a formula missing from an index': sql('DELETE FROM formulas_by_prefix WHERE seq = 7'),
  'a name that differs in an index': sql("UPDATE formulas_by_search SET search = 'other' WHERE seq = 7"),
  'an answer missing from its index': sql('DELETE FROM answers_by_prefix WHERE seq = 7'),
  'more rows recorded as indexed than exist': sql('UPDATE indexed SET formulas = formulas + 1'),
  'the record of indexed rows gone': sql('DELETE FROM indexed'),
  'a column gone': sql('ALTER TABLE deliveries DROP COLUMN reason'),
  'an extra column': sql('ALTER TABLE formulas ADD COLUMN more'),
  'the identity gone': sql('DELETE FROM identity'),
  'numbers gone': sql('DELETE FROM numbers'),
  'a subscription gone': sql('DELETE FROM subscriptions'),
  'a subscription ahead of its log': sql('UPDATE subscriptions SET position = 1000'),
  'a count that does not fit': sql('UPDATE subscriptions SET leased = leased + 1'),
  'a dead letter gone': sql(`DELETE FROM deliveries WHERE position = 1`),
  'an event gone': sql('DELETE FROM events WHERE position = 50'),
}

const LOG_REFUSED: Record<string, Damage> = {
  'the header of the log': bytes((content) => content.fill(0xff, 0, 8), '-wal'),
  'the salt of the log': bytes((content) => content.fill(0xff, 16, 20), '-wal'),
  'the middle of the log': bytes((content) => content.fill(0xff, 100_000, 100_010), '-wal'),
  'a hole in the log': bytes((content) => content.fill(0, 100_000, 120_000), '-wal'),
  'an empty file with a log': (path) => truncateSync(path, 0),
  'the log of another file': (path) => {
    const other = new DatabaseSync(`${path}.other`)
    other.exec('PRAGMA journal_mode = WAL; CREATE TABLE theirs (x); PRAGMA wal_checkpoint(TRUNCATE)')
    other.exec(`INSERT INTO theirs VALUES (zeroblob(20000))`)
    writeFileSync(`${path}-wal`, readFileSync(`${path}.other-wal`))
    other.close()
    rmSync(`${path}.other`)
  },
}

const NO_FILE: Record<string, Damage> = {
  'a folder': (path) => mkdirSync(path),
  'a pipe': (path) => execFileSync('mkfifo', [path]),
  'a link in a circle': (path) => symlinkSync(path, path),
}

const HARMLESS: Record<string, Damage> = {
  'noise behind its end': (path) => appendFileSync(path, 'noise'.repeat(5_000)),
  'noise behind the end of its log': (path) => appendFileSync(`${path}-wal`, 'noise'.repeat(5_000)),
  'an extra index': sql('CREATE INDEX mine ON formulas (document)'),
  statistics: sql('ANALYZE'),
}

t.test('a damaged file is refused with one clear line, and left as it is', async (t) => {
  const files = await makeFiles(t.testdir())
  const faults: string[] = []
  const refuses = (name: string, from: string | null, damage: Damage): void => {
    const folder = join(t.testdirName, name.replaceAll(' ', '-'))
    mkdirSync(folder)
    if (from !== null) copy(from, folder)
    damage(join(folder, FILE))
    const before = digests(folder)
    const refusal = refusalOf(join(folder, FILE))
    if (!/^\S+ (is damaged|is a database of|was written by|is not a file|cannot be opened)[^\n]*$/.test(refusal)) {
      faults.push(`${name}: ${refusal}`)
    }
    if (JSON.stringify(digests(folder)) !== JSON.stringify(before)) faults.push(`${name}: not left as it was`)
  }
  for (const [name, damage] of Object.entries(REFUSED)) refuses(name, files.stopped, damage)
  for (const [name, damage] of Object.entries(LOG_REFUSED)) refuses(name, files.killed, damage)
  for (const [name, damage] of Object.entries(NO_FILE)) refuses(name, null, damage)
  t.same(faults, [])
  count('badInputs', Object.keys({ ...REFUSED, ...LOG_REFUSED, ...NO_FILE }).length)
})

/** The error with which the file is refused; empty if it is accepted. */
function refusalOf(path: string): string {
  try {
    const unlock = lock(path)
    try {
      openForWriting(path).close()
    } finally {
      unlock()
    }
    return ''
  } catch (error) {
    return error instanceof StoreRefused ? error.message : String((error as Error).stack)
  }
}

t.test('harmless changes are not damage: everything is there', async (t) => {
  const { killed } = await makeFiles(t.testdir())
  for (const [name, damage] of Object.entries(HARMLESS)) {
    const folder = join(t.testdirName, name.replaceAll(' ', '-'))
    copy(killed, folder)
    damage(join(folder, FILE))
    const stores = await openSqlite(join(folder, FILE), { clock: systemClock, answerTtlMs: 86_400_000, maxReceives: 1 })
    t.equal((await listed(stores.db, { limit: 200 })).items.length, 200, name)
    t.match(await stores.queue.stats(DEFAULT), { ready: 220, leased: 40, dead: 40 })
    t.equal((await stores.idempotency.find('', 'key-7'))?.answer.status, 200)
    await stores.close()
  }
})

t.test('whichever file is damaged, the process exits with 1 and one line, and opens no port', async (t) => {
  const { stopped, killed } = await makeFiles(t.testdir())
  const at = (name: string): string => join(t.testdirName, name)
  copy(stopped, at('one'))
  truncateSync(join(at('one'), FILE), 20_000)
  copy(killed, at('two'))
  bytes((content) => content.fill(0xff, 100_000, 100_010), '-wal')(join(at('two'), FILE))
  const runs = [
    { folder: at('one'), environment: { DATABASE_URL: `sqlite:${at('one')}/${FILE}` } },
    {
      folder: at('two'),
      environment: { DATABASE_URL: `sqlite:${at('fresh.db')}`, QUEUE_URL: `sqlite:${at('two')}/${FILE}` },
    },
  ]
  await Promise.all(
    runs.map(async ({ folder, environment }) => {
      const before = digests(folder)
      const { code, stderr, stdout } = await runServer(t, { environment })
      t.equal(code, 1)
      t.match(stderr, [/damaged.* it is left as it is$/])
      t.equal(stderr.length, 1)
      t.notMatch(stdout.join(), /listening/)
      t.same(digests(folder), before)
    }),
  )
})
