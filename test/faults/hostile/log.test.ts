import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { openForWriting } from '../../../src/stores/sqlite/durability/file.ts'
import { PAGE_SIZE } from '../../../src/stores/sqlite/schema.ts'
import { chance, seed, sized } from '../extent.ts'

const HEADER = 32
const FRAME = 24 + PAGE_SIZE
t.setTimeout(600_000)

const LARGE = 'x'.repeat(9_000)

/** A database as a killed process leaves it, with its commits in the log. The last transaction has several frames. */
function killed(t: Test) {
  const at = (name: string): string => join(t.testdirName, name)
  t.testdir()
  const db = openForWriting(at('a.db'))
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  const insert = db.prepare('INSERT INTO given_up VALUES (?, ?)')
  for (let number = 0; number < 6; number++) insert.run(`${number}${LARGE}`, number)
  for (const suffix of ['', '-wal']) cpSync(at(`a.db${suffix}`), at(`b.db${suffix}`))
  db.close()
  const log = readFileSync(at('b.db-wal'))
  const commits: number[] = []
  for (let start = HEADER; start + FRAME <= log.length; start += FRAME) {
    if (log.readUInt32BE(start + 4) !== 0) commits.push(start)
  }
  const [lastButOne, last] = commits.slice(-2) as [number, number]
  return { log, path: at('b.db'), lastBegins: lastButOne + FRAME, end: last + FRAME }
}

/** Opens the file with another log. @returns how many of the six are there, or why it was refused */
function openWith(path: string, log: Buffer): number | string {
  const main = readFileSync(path)
  writeFileSync(`${path}-wal`, log)
  try {
    const db = openForWriting(path)
    const { rows } = db.prepare('SELECT count(*) AS rows FROM given_up').get() as { rows: number }
    db.close()
    return rows
  } catch (error) {
    if (!readFileSync(path).equals(main) || !readFileSync(`${path}-wal`).equals(log)) return 'written to'
    return (error as Error).message
  } finally {
    writeFileSync(path, main)
  }
}

t.test('a log torn within its last transaction is accepted without that transaction', async (t) => {
  const { log, path, lastBegins, end } = killed(t)
  t.equal(openWith(path, log), 6, 'whole')
  const { integer, oneOf } = chance(51)
  const faults: unknown[] = []
  const rounds = sized(40, 1_000)
  for (let round = 0; round < rounds; round++) {
    const torn = Buffer.from(log.subarray(0, end))
    const at = integer(lastBegins, end - 1)
    const how = oneOf(['cut', 'zeros', 'noise', 'a lost frame'])
    if (how === 'zeros') torn.fill(0, at, Math.min(end, at + integer(1, 2 * FRAME)))
    if (how === 'noise') torn[at] = (torn[at] as number) ^ integer(1, 255)
    if (how === 'a lost frame') torn.fill(0, lastBegins, lastBegins + FRAME)
    const opened = openWith(path, how === 'cut' ? torn.subarray(0, at) : torn)
    const isSame = how === 'zeros' && torn.equals(log.subarray(0, end))
    if (opened !== 5 && !(isSame && opened === 6)) faults.push({ seed, round, how, at, opened })
  }
  t.same(faults, [])
})

t.test('a log damaged in its synced part is refused and left as it is', async (t) => {
  const { log, path, lastBegins } = killed(t)
  const { integer } = chance(52)
  const faults: unknown[] = []
  const places = [
    ...Array(HEADER).keys(),
    ...Array.from({ length: sized(60, 1_500) }, () => integer(0, lastBegins - 1)),
  ]
  for (const at of places) {
    const damaged = Buffer.from(log)
    damaged[at] = (damaged[at] as number) ^ integer(1, 255)
    // Without its commit mark, the transaction looks torn.
    if (damaged.readUInt32BE(lastBegins - FRAME + 4) === 0) continue
    const opened = openWith(path, damaged)
    if (!/is damaged: its log \(-wal\) is broken before its end; it is left as it is/.test(String(opened))) {
      faults.push({ seed, at, opened })
    }
  }
  t.same(faults, [], `${places.length} places`)
})

t.test('a log that was being restarted when the power failed is accepted, whatever its header', async (t) => {
  const { log, path } = killed(t)
  const db = new DatabaseSync(path)
  db.exec('PRAGMA wal_checkpoint(PASSIVE)')
  const copy = readFileSync(path)
  db.close()
  writeFileSync(path, copy)
  for (const length of [1, 4, 12, 16, 24, 31]) {
    const torn = Buffer.from(log)
    torn.fill(0x5a, HEADER - length, HEADER)
    t.equal(openWith(path, torn), 6, `${length} bytes of the header`)
  }
})

t.test('the log of an empty file is not deleted', async (t) => {
  const { log, path } = killed(t)
  writeFileSync(path, '')
  t.match(openWith(path, log), /it is empty, its log \(-wal\) is not/)
})
