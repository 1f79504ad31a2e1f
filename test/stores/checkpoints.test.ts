import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { checkpoints, type DiskActions } from '../../src/stores/sqlite/durability/checkpoints.ts'
import { openForReading, openForWriting } from '../../src/stores/sqlite/durability/file.ts'

/** A checkpoint whose part is synced well. */
const SOUND: DiskActions = { sync() {}, die() {} }

function openLogged(t: Test, part = SOUND) {
  const path = join(t.testdir(), 'a.db')
  const db = openForWriting(path)
  const reader = openForReading(path)
  t.teardown(() => {
    reader.close()
    db.close()
  })
  const write = db.prepare('INSERT INTO given_up VALUES (?, 0)')
  let written = 0
  const pagesLeft = (): number => {
    const { log, checkpointed } = db.prepare('PRAGMA wal_checkpoint(NOOP)').get() as Record<string, number>
    return (log ?? 0) - (checkpointed ?? 0)
  }
  return {
    reader,
    checkpoint: checkpoints(db, part),
    pagesLeft,
    /** Writes enough to cause a checkpoint. */
    writeMuch(): void {
      for (const enough = pagesLeft() + 2_100; pagesLeft() < enough; ) write.run(`${++written}`.padEnd(3_000))
    },
  }
}

t.test('the write-ahead log is checkpointed once it is long enough', async (t) => {
  const { checkpoint, pagesLeft, writeMuch } = openLogged(t)
  writeMuch()
  checkpoint()
  t.equal(pagesLeft(), 0)
})

t.test('a long read, such as a backup, delays the writer once, not after every batch', async (t) => {
  const { reader, checkpoint, pagesLeft, writeMuch } = openLogged(t)
  reader.exec('BEGIN')
  reader.prepare('SELECT * FROM identity').get()
  writeMuch()
  const begun = performance.now()
  for (let batch = 0; batch < 100; batch++) checkpoint()
  t.ok(performance.now() - begun < 1_000)
  t.ok(pagesLeft() > 0)
  reader.exec('COMMIT')
  writeMuch()
  checkpoint()
  t.equal(pagesLeft(), 0, 'after the reader has ended, the whole log is checkpointed')
})

t.test('a checkpoint waits for a long reader once, and not again until another one reads', async (t) => {
  const { reader, checkpoint, pagesLeft, writeMuch } = openLogged(t)
  reader.exec('BEGIN')
  reader.prepare('SELECT * FROM identity').get()
  const timed = (): number => {
    writeMuch()
    const begun = performance.now()
    checkpoint()
    return performance.now() - begun
  }
  t.ok(timed() >= 100, 'at first it waits for the reader')
  const later = Array.from({ length: 4 }, timed)
  t.ok(Math.min(...later) < 100, `${later}`)
  reader.exec('COMMIT')
  reader.exec('BEGIN')
  reader.prepare('SELECT * FROM identity').get()
  t.ok(timed() >= 100, 'another is waited for')
  reader.exec('COMMIT')
  timed()
  t.equal(pagesLeft(), 0)
})

t.test('a partial checkpoint is synced, and the process ends if that sync fails', async (t) => {
  const [synced, died]: [string[], unknown[]] = [[], []]
  let refusal: Error | undefined
  const part = {
    sync(path: string): void {
      synced.push(basename(path))
      if (refusal) throw refusal
    },
    die: (error: unknown) => void died.push(error),
  }
  const { reader, checkpoint, writeMuch } = openLogged(t, part)
  writeMuch()
  checkpoint()
  t.same(synced, [], 'SQLite itself syncs a complete checkpoint')

  reader.exec('BEGIN')
  reader.prepare('SELECT * FROM identity').get()
  writeMuch()
  checkpoint()
  t.same(synced, ['a.db'])
  t.same(died, [])

  refusal = new Error('EIO')
  writeMuch()
  checkpoint()
  t.same(died, [refusal])
})
