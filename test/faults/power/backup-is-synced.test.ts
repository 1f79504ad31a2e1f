import { join } from 'node:path'
import t from 'tap'
import { start } from '../../support/command.ts'
import { startService } from '../../support/service-process.ts'
import { filesIn, scratch } from '../stores.ts'
import { type JournalRecord, readJournal } from './journal.ts'
import { buildRecorder } from './recorder.ts'
import { pathsOnDisk } from './recording.ts'

const library = buildRecorder(scratch(t))

t.test('a backup is synced before it gets its name, and its name before the command reports it', async (t) => {
  const { folder, journal } = pathsOnDisk(t)
  const env = filesIn(folder, 'saga')
  t.testdir()
  await startService(t, env)
  const recording = { LD_PRELOAD: library, RECORD_FOLDER: folder, RECORD_JOURNAL: journal }
  const ended = await start(t, 'src/cli/backup.ts', [join(folder, 'daily')], { ...env, ...recording }).ended
  t.match(ended, { code: 0, stderr: [] })

  const done = withPaths(readJournal(journal))
  const renamed = done.findIndex(({ kind }) => kind === 'rename')
  for (const file of ['daily.part/database.db', 'daily.part/queue.db']) {
    const written = done.findLast(({ kind, path }) => path === file && (kind === 'write' || kind === 'truncate'))
    t.ok(written, `${file} is written`)
    t.ok(isSynced(done.slice(0, renamed), file, written?.position), `${file} is synced`)
  }
  const named = done.findLast(({ kind, path }) => kind === 'open' && path === 'daily.part/queue.db')
  t.ok(isSynced(done.slice(0, renamed), 'daily.part', named?.position), 'and the names in the folder')
  t.ok(isSynced(done.slice(renamed), '', done[renamed]?.position), 'and then the name of the folder')
})

type Done = JournalRecord & { path: string | undefined }

/** Adds the path of its file to each record. */
function withPaths(records: JournalRecord[]): Done[] {
  const paths = new Map<number, string>()
  return records.map((record) => {
    if (record.kind === 'open') paths.set(record.file, record.data.toString())
    return { ...record, path: paths.get(record.file) }
  })
}

/** Whether a sync of the path has succeeded that began after `position`. */
const isSynced = (done: Done[], wanted: string, position = Number.POSITIVE_INFINITY): boolean =>
  done.some(({ kind, path, at }) => kind === 'sync' && path === wanted && at > position)
