import { hash } from 'node:crypto'
import { join } from 'node:path'
import type { StatementSync } from 'node:sqlite'
import { isDeepStrictEqual } from 'node:util'
import t, { type Test } from 'tap'
import { slotOf } from '../../src/stores/kept-answer.ts'
import { readCommands } from '../../src/stores/sqlite/commands.ts'
import { openForReading } from '../../src/stores/sqlite/durability/file.ts'
import { pack } from '../../src/stores/sqlite/messages.ts'
import { LateIndex, prefixOf } from '../../src/stores/sqlite/upkeep/late-index.ts'
import { formula, namesIn, readPage, submission } from '../contract/submissions.ts'
import { countScans, openWriter, TTL_MS } from '../support/late-writer.ts'

/** More than are written in one slice. */
const MANY = 1_300

/** Checks what must hold however much of the indexes has been written. */
function holds(t: Test, path: string, { submit }: ReturnType<typeof openWriter>, when: string): void {
  for (const number of [1, MANY / 2, MANY]) {
    t.equal(submit(number, number + 0.5), 409, `${when}: composition ${number} is known`)
    t.equal(submit(number), 200, `${when}: key ${number} is replayed`)
    t.equal(submit(number + 0.25, number), 'reused', `${when}: key ${number} is taken`)
  }
  const reading = openForReading(path)
  const { get, list } = readCommands(reading)
  const newest = get(0, formula('Any', String(MANY)).id)
  t.same(namesIn(newest === null ? [] : [newest]), [`Name ${MANY}`], `${when}: a reader finds the newest`)
  const { items } = readPage(list(0, { limit: 200, searchPrefix: 'name 12' }))
  const expected = Array.from({ length: MANY }, (_, index) => `Name ${index + 1}`).filter((name) =>
    /^Name 12/.test(name),
  )
  t.same(namesIn(items), expected.reverse(), `${when}: names are found, the newest first`)
  reading.close()
}

t.test('compositions, keys and names are found whether or not the indexes have them yet', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const writer = openWriter(t, path)
  writer.fill(MANY)
  holds(t, path, writer, 'none is written')
  let slices = 0
  while (writer.slice()) if (++slices % 2 === 0) holds(t, path, writer, `after ${slices} slices`)
  t.ok(slices >= 9, 'three indexes, each in slices')
  for (const table of ['formulas_by_prefix', 'formulas_by_search'])
    t.equal(writer.count(table), writer.count('formulas'))
  t.equal(writer.count('answers_by_prefix'), writer.count('answers'))
  holds(t, path, writer, 'all are written')
})

t.test('a backlog of several sorted runs is indexed in one order, each entry once', async (t) => {
  const { db } = openWriter(t, join(t.testdir(), 'a.db'))
  const howMany = 20_000
  const written: { [Target in 'hash' | 'text']: [key: number | string, seq: number][] } = { hash: [], text: [] }
  const into = (by: 'hash' | 'text') => ({ run: (...entry: [number | string, number]) => written[by].push(entry) })
  const targets = (['hash', 'text'] as const).map((by) => ({ by, insert: into(by) as unknown as StatementSync }))
  const rowsAfter = db.prepare('SELECT seq, fingerprint AS hash, search AS text FROM formulas WHERE seq > ?')
  const index = new LateIndex(db, { table: 'formulas', rowsAfter, targets })
  index.catchUp()
  const keys = Array.from({ length: howMany }, (_, n) => hash('sha256', String(n), 'buffer'))
  for (const [n, key] of keys.entries()) index.add(n + 1, key, key.toString('hex'))
  while (index.doSlice());
  const byHash = keys.map((key, n) => [prefixOf(key), n + 1]).sort(([a = 0], [b = 0]) => a - b)
  const byText = keys.map((key, n) => [key.toString('hex'), n + 1] as const).sort(([a], [b]) => (a < b ? -1 : 1))
  // `t.same` would take a minute to say how such long lists differ.
  t.ok(isDeepStrictEqual(written.hash, byHash))
  t.ok(isDeepStrictEqual(written.text, byText))
  t.equal(index.indexed, howMany)
})

t.test('a reader scans the rows that are not indexed yet once, not for each lookup', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const writer = openWriter(t, path)
  writer.fill(10)
  const db = openForReading(path)
  t.teardown(() => db.close())
  const scans = countScans(db)
  const { get } = readCommands(db)
  const find = (number: number) => get(0, formula('Any', String(number)).id) !== null
  t.same([1, 5, 10, 11].map(find), [true, true, true, false])
  t.equal(scans(), 1)
  writer.submit(11)
  t.same([11, 1, 12].map(find), [true, true, false])
  t.equal(scans(), 2, 'again when one was added')
  while (writer.slice());
  t.same([11, 1, 12].map(find), [true, true, false])
  t.equal(scans(), 2, 'not when all are indexed')
})

t.test('after a crash, rows that were not indexed yet are still found', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const first = openWriter(t, path)
  first.fill(MANY)
  for (let slices = 0; slices < 4; slices++) first.slice()
  first.db.close()
  const second = openWriter(t, path)
  holds(t, path, second, 'opened again')
  while (second.slice());
  holds(t, path, second, 'opened again and written')
})

t.test('formulas that were rolled back are not found, and their row numbers are reused', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const writer = openWriter(t, path)
  writer.submit(1)
  const lost = submission([formula('Lost', '7')], { key: 'lost' })
  const broken = submission([formula('Broken', '8')], { payload: null as never })
  writer.db.exec('PRAGMA query_only = 1')
  t.throws(() => writer.run(0, 'accept', pack(lost)))
  writer.db.exec('PRAGMA query_only = 0')
  const [kept, failed] = writer.batches.run([
    ['accept', 0, [pack(lost)], Infinity],
    ['accept', 0, [pack(broken)], Infinity],
  ])
  t.match([kept, failed], [{ value: 'all-added' }, { error: String }])
  t.equal(writer.submit(8, 9), 200, 'the broken one left nothing')
  t.equal(writer.submit(7, 10), 409)
  while (writer.slice());
  t.equal(writer.count('formulas_by_prefix'), 3)
})

t.test('a formula that reuses a row number after a rollback is found, also one of a saga', async (t) => {
  const writer = openWriter(t, join(t.testdir(), 'a.db'))
  writer.db.exec(`CREATE TEMP TRIGGER refuse BEFORE INSERT ON answers WHEN NEW.slot = x'${slotOf('', 'key-2')}'
    BEGIN SELECT RAISE(ABORT, 'no room'); END`)
  writer.submit(1)
  t.throws(() => writer.submit(2), /no room/, 'its formula was added before')
  writer.run(0, 'add', 'attempt', pack(submission([formula('Of a saga', '3')])))
  writer.run(0, 'complete', 'attempt')
  t.equal(writer.submit(3), 409)
})

t.test('an index slice that is rolled back is written again', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const writer = openWriter(t, path)
  writer.fill(MANY)
  writer.db.exec('BEGIN')
  writer.slice()
  writer.db.exec('ROLLBACK')
  for (const chore of writer.chores) chore.forget()
  holds(t, path, writer, 'after a rollback')
  while (writer.slice());
  t.equal(writer.count('formulas_by_prefix'), writer.count('formulas'))
})

t.test('index entries of swept answers are deleted once they outnumber the live ones', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const writer = openWriter(t, path)
  writer.fill(MANY)
  while (writer.slice());
  t.equal(writer.run(TTL_MS, 'sweepAnswers', 600), 600)
  while (writer.slice());
  t.equal(writer.count('answers_by_prefix'), MANY, 'not worth it yet')
  for (let number = MANY + 1; number <= MANY + 10; number++) writer.submit(number, number, TTL_MS)
  t.equal(writer.run(TTL_MS, 'sweepAnswers', 2_000), 700)
  while (writer.slice());
  t.equal(writer.count('answers_by_prefix'), 10)
  t.equal(writer.submit(MANY + 10, MANY + 10, TTL_MS), 200, 'what is left is found')
})

t.test('when all answers have been swept, new ones are still found', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const first = openWriter(t, path)
  first.fill(20)
  while (first.slice());
  t.equal(first.run(TTL_MS, 'sweepAnswers', 100), 20)
  first.db.close()
  const second = openWriter(t, path)
  t.equal(second.submit(21, 21, TTL_MS), 200)
  t.equal(second.submit(21, 21, TTL_MS), 200, 'replayed')
  t.equal(second.submit(22, 21, TTL_MS), 'reused')
  second.db.close()
  const third = openWriter(t, path)
  t.equal(third.submit(22, 21, TTL_MS), 'reused', 'also by the next process')
})

t.test('answers kept for a shorter time are swept from behind longer ones, with their index entries', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const before = openWriter(t, path, 3 * TTL_MS)
  before.fill(MANY)
  before.db.close()
  const writer = openWriter(t, path)
  for (let number = MANY + 1; number <= MANY + 30; number++) writer.submit(number)
  while (writer.slice());
  const sweep = (now: number): number => writer.run(now, 'sweepAnswers', 20)
  t.same([sweep(TTL_MS - 1), sweep(TTL_MS), sweep(TTL_MS)], [0, 20, 10])
  for (const table of ['answers', 'answers_by_prefix']) t.equal(writer.count(table), MANY, table)
  t.equal(writer.submit(1, 1, 3 * TTL_MS - 1), 200, 'the time of earlier answers is as promised')
  t.equal(writer.submit(1, MANY + 30, TTL_MS), 409, 'the key of a swept one is free')
  while (writer.slice());
  t.equal(sweep(2 * TTL_MS), 1, 'what expires later is found too')
  t.equal(writer.run(3 * TTL_MS, 'sweepAnswers', 2 * MANY), MANY)
})

t.test('however many answers live longer, each sweep reads a part of them, and all are read in turn', async (t) => {
  const writer = openWriter(t, join(t.testdir(), 'a.db'))
  writer.db.exec(`INSERT INTO answers WITH RECURSIVE long (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM long LIMIT 5000)
    SELECT seq, randomblob(16), x'', x'', 200, '', 0, 0, 0, ${2 * TTL_MS} FROM long`)
  writer.submit(5_001)
  while (writer.slice());
  const swept = [1, 2, 3].map(() => writer.run(TTL_MS, 'sweepAnswers', 1_000))
  t.same(swept, [0, 1, 0])
})

t.test('a few answers that live longer keep no index entries of others', async (t) => {
  const writer = openWriter(t, join(t.testdir(), 'a.db'))
  for (let number = 1; number <= 5; number++) writer.submit(number, number, number === 1 ? TTL_MS : 0)
  while (writer.slice());
  t.equal(writer.run(TTL_MS, 'sweepAnswers', 1_000), 4, 'the clock was ahead at the first')
  for (const table of ['answers', 'answers_by_prefix']) t.equal(writer.count(table), 1, table)
})

t.test('a key that was used again keeps its newest answer when the clock steps back', async (t) => {
  const writer = openWriter(t, join(t.testdir(), 'a.db'))
  writer.submit(1)
  t.equal(writer.submit(2, 1, TTL_MS), 200)
  t.equal(writer.submit(2, 1, TTL_MS - 1), 200, 'not indexed yet')
  while (writer.slice());
  t.equal(writer.submit(2, 1, TTL_MS - 1), 200, 'indexed')
})

/** The sequence number of the formula of this number. */
const seqOf = (reading: ReturnType<typeof readCommands>, number: number): number =>
  reading.get(0, formula('Any', String(number)).id)?.seq ?? 0

t.test('an erased formula is in no index, whether or not it was indexed before', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const writer = openWriter(t, path)
  const reading = readCommands(writer.db)
  const erase = (number: number): boolean => writer.run(0, 'eraseFormula', formula('Any', String(number)).id)
  writer.fill(MANY)
  t.ok(erase(2), 'in memory')
  for (let slices = 0; slices < 4; slices++) writer.slice()
  t.ok(erase(3), 'half written')
  while (writer.slice());
  t.ok(erase(4), 'written')
  for (const table of ['formulas', 'formulas_by_prefix', 'formulas_by_search'])
    t.equal(writer.count(table), MANY - 3, table)
  t.same(readPage(reading.list(0, { limit: 1, searchPrefix: 'name 3' })).items.length, 1)
  for (const number of [2, 3, 4]) t.equal(writer.submit(number, number + 0.5), 200, `${number} is taken in anew`)
  holds(t, path, writer, 'some are erased')
})

t.test('erasures between slices neither stop the indexes nor have rows read again', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const writer = openWriter(t, path)
  writer.fill(MANY)
  const indexed = (): number => Number(writer.db.prepare('SELECT formulas FROM indexed').get()?.formulas)
  const before = writer.scans()
  let rounds = 0
  for (let number = 300; number < 500; number++) {
    writer.slice()
    if (indexed() === 0) rounds++
    writer.run(0, 'eraseFormula', formula('Any', String(number)).id)
  }
  t.ok(rounds < 20, `indexed after ${rounds} rounds`)
  t.equal(writer.scans(), before)
  while (writer.slice());
  for (const table of ['formulas', 'formulas_by_prefix', 'formulas_by_search'])
    t.equal(writer.count(table), MANY - 200, table)
  holds(t, path, writer, 'many are erased')
})

t.test('a formula whose erasure was rolled back, or that came again, is found and gets indexed', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const writer = openWriter(t, path)
  const erase = () => writer.run(0, 'eraseFormula', formula('Any', '1').id)
  writer.fill(MANY)
  for (let slices = 0; slices < 2; slices++) writer.slice()
  writer.db.exec(`CREATE TEMP TRIGGER refuse BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'no room'); END`)
  t.throws(erase, /no room/)
  writer.db.exec('DROP TRIGGER refuse')
  t.equal(writer.submit(1, MANY + 1), 409, 'rolled back')
  for (let slices = 0; slices < 2; slices++) writer.slice()
  t.ok(erase())
  t.equal(writer.submit(1, MANY + 2), 200, 'came again')
  const reading = openForReading(path)
  const { list } = readCommands(reading)
  const found = () => namesIn(readPage(list(0, { limit: 1, searchPrefix: 'name 1' })).items)
  t.same(found(), ['Name 1'])
  while (writer.slice());
  t.same([writer.submit(1, MANY + 3), ...found()], [409, 'Name 1'])
  for (const table of ['formulas', 'formulas_by_prefix', 'formulas_by_search'])
    t.equal(writer.count(table), MANY, table)
  reading.close()
})

t.test('the sequence number of an erased formula is never reused', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const first = openWriter(t, path)
  first.fill(3)
  const erased = formula('Any', '3').id
  t.ok(first.run(0, 'eraseFormula', erased))
  first.db.close()
  const second = openWriter(t, path)
  second.submit(3, 4)
  t.equal(seqOf(readCommands(second.db), 3), 4)
  t.equal(second.submit(3, 3), 410, 'its answer is gone')
})
