import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { Batches } from '../../src/stores/sqlite/batches.ts'
import { readCommands, writeCommands } from '../../src/stores/sqlite/commands.ts'
import { openForReading, openForWriting } from '../../src/stores/sqlite/durability/file.ts'
import type { Call } from '../../src/stores/sqlite/messages.ts'
import { pack } from '../../src/stores/sqlite/packed.ts'
import { APPLICATION_ID, migrations } from '../../src/stores/sqlite/schema.ts'
import { formula, submission } from '../contract/submissions.ts'

const TTL_MS = 60_000
/** More than are written in one slice. */
const MANY = 1_300

/** A writer whose chores are done when the test says so. */
function openWriter(t: Test, path: string) {
  const db = openForWriting(path)
  t.teardown(() => db.isOpen && db.close())
  const { chores, ...commands } = writeCommands(db, { answerTtlMs: TTL_MS, maxReceives: 5 })
  const batches = new Batches(db, { ...commands, begin: 'BEGIN IMMEDIATE' })
  const call = (now: number, command: string, ...args: unknown[]): Call => [command, now, args, Infinity]
  const run = <T>(now: number, command: string, ...args: unknown[]): T => {
    const [result] = batches.run([call(now, command, ...args)])
    if (result === undefined || 'error' in result) throw new Error(result?.error)
    return result.value as T
  }
  /** Takes in a formula of its own number under a key of that number. @returns the status of the answer */
  const submit = (number: number, key = number, now = 0): number | string => {
    const one = submission([formula(`Name ${number}`, String(number))], { key: `key-${key}` })
    const verdict = run<[string, number] | { kind: string }>(now, 'accept', pack(one))
    return Array.isArray(verdict) ? verdict[1] : verdict.kind
  }
  /** Takes in so many formulas at once, as `submit` does. */
  const fill = (howMany: number): void => {
    const all = Array.from({ length: howMany }, (_, index) => {
      const one = submission([formula(`Name ${index + 1}`, String(index + 1))], { key: `key-${index + 1}` })
      return call(0, 'accept', pack(one))
    })
    batches.run(all)
  }
  const slice = (): boolean => {
    const chore = chores.find(({ behind }) => behind > 0)
    return chore !== undefined && (chore.doSlice() || true)
  }
  const count = (table: string): number => Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n)
  return { db, batches, run, submit, fill, chores, slice, count }
}

/** What must hold however much of the indexes has been written. */
function holds(t: Test, path: string, { submit }: ReturnType<typeof openWriter>, when: string): void {
  for (const number of [1, MANY / 2, MANY]) {
    t.equal(submit(number, number + 0.5), 409, `${when}: make-up ${number} is known`)
    t.equal(submit(number), 200, `${when}: key ${number} is replayed`)
    t.equal(submit(number + 0.25, number), 'reused', `${when}: key ${number} is taken`)
  }
  const reading = openForReading(path)
  const { get, list } = readCommands(reading)
  t.equal(get(0, formula('Any', String(MANY)).id)?.name, `Name ${MANY}`, `${when}: a reader finds the newest`)
  const { items } = list(0, { limit: 200, namePrefix: 'name 12' })
  const expected = Array.from({ length: MANY }, (_, index) => `Name ${index + 1}`).filter((name) =>
    /^Name 12/.test(name),
  )
  t.same(
    items.map(({ name }) => name),
    expected.reverse(),
    `${when}: names are found, the newest first`,
  )
  reading.close()
}

t.test('make-ups, keys and names are found whether or not the indexes have them yet', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const writer = openWriter(t, path)
  writer.fill(MANY)
  holds(t, path, writer, 'none is written')
  let slices = 0
  while (writer.slice()) if (++slices % 2 === 0) holds(t, path, writer, `after ${slices} slices`)
  t.ok(slices >= 9, 'three indexes, each in slices')
  for (const table of ['formulas_by_prefix', 'formulas_by_search'])
    t.equal(writer.count(table), writer.count('formulas'))
  t.equal(writer.count('answers_by_hash'), writer.count('answers'))
  holds(t, path, writer, 'all are written')
})

t.test('what a process that died had not written yet is known to the next', async (t) => {
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

t.test('what was rolled back is not known, and its rows may be given again', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const writer = openWriter(t, path)
  writer.submit(1)
  const lost = submission([formula('Lost', '7')], { key: 'lost' })
  const broken = submission([formula('Broken', '8')], { caller: {} as string })
  writer.db.exec('PRAGMA query_only = 1')
  t.throws(() => writer.run(0, 'accept', pack(lost)))
  writer.db.exec('PRAGMA query_only = 0')
  const [kept, failed] = writer.batches.run([
    ['accept', 0, [pack(lost)], Infinity],
    ['accept', 0, [pack(broken)], Infinity],
  ])
  t.match([kept, failed], [{ value: [String, 200] }, { error: String }])
  t.equal(writer.submit(8, 9), 200, 'the broken one left nothing')
  t.equal(writer.submit(7, 10), 409)
  while (writer.slice());
  t.equal(writer.count('formulas_by_prefix'), 3)
})

t.test('a row that takes the place of one that was rolled back is known, also when a saga shows it', async (t) => {
  const writer = openWriter(t, join(t.testdir(), 'a.db'))
  writer.db.exec(`CREATE TEMP TRIGGER refuse BEFORE INSERT ON answers WHEN NEW.key = 'key-2'
    BEGIN SELECT RAISE(ABORT, 'no room'); END`)
  writer.submit(1)
  t.throws(() => writer.submit(2), /no room/, 'its formula was added before')
  writer.run(0, 'add', 'attempt', pack(submission([formula('Of a saga', '3')])))
  writer.run(0, 'complete', 'attempt')
  t.equal(writer.submit(3), 409)
})

t.test('a slice that fails is done again', async (t) => {
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

t.test('the index of answers is rid of those that were swept, once as many have gone as are left', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const writer = openWriter(t, path)
  writer.fill(MANY)
  while (writer.slice());
  t.equal(writer.run(TTL_MS, 'sweepAnswers', 600), 600)
  while (writer.slice());
  t.equal(writer.count('answers_by_hash'), MANY, 'not worth it yet')
  for (let number = MANY + 1; number <= MANY + 10; number++) writer.submit(number, number, TTL_MS)
  t.equal(writer.run(TTL_MS, 'sweepAnswers', 2_000), 700)
  while (writer.slice());
  t.equal(writer.count('answers_by_hash'), 10)
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

t.test('a file of before is brought up: what it holds is known, and its old indexes are gone', async (t) => {
  const path = join(t.testdir(), 'a.db')
  const old = new DatabaseSync(path)
  old.exec(`${migrations[0]}; PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = 1`)
  old.exec("INSERT INTO identity (store_id) VALUES ('old')")
  const one = formula('Name 12', '12')
  const id = Buffer.from(one.id, 'hex')
  old
    .prepare(
      'INSERT INTO formulas (prefix, fingerprint, name, search, materials, created_at) VALUES (?, ?, ?, ?, ?, 0)',
    )
    .run(id.readUIntBE(0, 6), id, one.name, 'name 12', JSON.stringify(one.materials))
  old.close()
  const writer = openWriter(t, path)
  t.equal(writer.submit(12), 409)
  t.equal(writer.submit(12), 409, 'replayed')
  const { list } = readCommands(writer.db)
  t.equal(list(0, { limit: 5, namePrefix: 'NAME' }).items.length, 1)
  t.equal(writer.count(`sqlite_schema WHERE name IN ('formulas_prefix', 'formulas_search', 'answers_hash')`), 0)
})
