import { spawnSync } from 'node:child_process'
import { closeSync, linkSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/kit/clock.ts'
import type { ReadCommands, WriteCommands } from '../../src/stores/sqlite/commands.ts'
import { checkpoints, logEraser } from '../../src/stores/sqlite/durability/checkpoints.ts'
import { openForReading, openForWriting } from '../../src/stores/sqlite/durability/file.ts'
import { pack } from '../../src/stores/sqlite/messages.ts'
import { WorkerClient } from '../../src/stores/sqlite/worker-client.ts'
import { formula, submission } from '../contract/submissions.ts'

/**
 * Takes a file for itself, as a program does that finds itself the only one: SQLite when it closes the last connection and
 * deletes the log, and this service when it opens a file.
 */
const TAKE = `
  const db = new (require('node:sqlite').DatabaseSync)(process.argv[1])
  db.exec('PRAGMA locking_mode = EXCLUSIVE')
  db.prepare('SELECT count(*) FROM sqlite_schema').get()`

/** Whether another process finds the file locked. By a second name, because SQLite has a further check for the same name. */
function isLocked(path: string): boolean {
  const second = `${path}.too`
  linkSync(path, second)
  const { stderr } = spawnSync(process.execPath, ['-e', TAKE, second], { encoding: 'utf8' })
  rmSync(second)
  return /database is locked/.test(stderr)
}

function open(t: Test) {
  const path = join(t.testdir(), 'a.db')
  const writer = openForWriting(path)
  const reader = openForReading(path)
  t.teardown(() => {
    if (reader.isOpen) reader.close()
    if (writer.isOpen) writer.close()
  })
  return { path, writer, reader }
}

/** Makes each checkpoint partial until it commits. */
function beginReading(reader: DatabaseSync): void {
  reader.exec('BEGIN')
  reader.prepare('SELECT * FROM identity').get()
}

t.test('a partial checkpoint leaves the file locked', async (t) => {
  const { path, writer, reader } = open(t)
  const checkpoint = checkpoints(writer)
  t.ok(isLocked(path))
  beginReading(reader)
  const write = writer.prepare('INSERT INTO given_up VALUES (?, 0)')
  for (let row = 0; row < 2_100; row++) write.run(`${row}`.padEnd(3_000))
  checkpoint()
  t.ok(isLocked(path))
  reader.exec('COMMIT')
  checkpoint()
  t.ok(isLocked(path))
})

t.test('so does a log that cannot be emptied after an erasure', async (t) => {
  const { path, writer, reader } = open(t)
  beginReading(reader)
  writer.exec(`INSERT INTO given_up VALUES ('1', 0)`)
  logEraser(writer)(true)
  t.ok(isLocked(path))
})

t.test('a log with a broken header is checked while the file is read, which stays locked', async (t) => {
  const { path, writer, reader } = open(t)
  reader.prepare('SELECT * FROM identity').get()
  writer.close()
  const log = openSync(`${path}-wal`, 'r+')
  writeSync(log, 'broken', 0)
  closeSync(log)
  t.throws(() => openForWriting(path), { message: /its log \(-wal\) is broken/ })
  t.ok(isLocked(path))
})

t.test('a writer that dies leaves the file locked for the reader, and so does its restart', async (t) => {
  const workers: Worker[] = []
  const listener = (worker: Worker): void => void workers.push(worker)
  process.on('worker', listener)
  t.teardown(() => process.off('worker', listener))
  const path = join(t.testdir(), 'a.db')
  const writer = new WorkerClient<WriteCommands>(
    { mode: 'write', path, answerTtlMs: 60_000, maxReceives: 5 },
    systemClock,
  )
  const reader = new WorkerClient<ReadCommands>({ mode: 'read', path }, systemClock)
  t.teardown(async () => {
    await reader.close()
    await writer.close()
  })
  const { id } = formula('a')
  await writer.call('accept', pack(submission([formula('a')])))
  const backup = openForReading(path)
  t.teardown(() => backup.close())
  beginReading(backup)
  t.equal(await writer.call('eraseFormula', id), true)
  backup.exec('COMMIT')
  await reader.call('probe')

  await workers[0]?.terminate()
  t.ok(isLocked(path))
  await writer.call('probe')
  t.equal(workers.length, 3, 'the writer was started again')
  t.ok(isLocked(path))
})
