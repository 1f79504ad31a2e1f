import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { until } from '../../support/until.ts'
import { sendTo } from '../client-history.ts'
import { chance, isLong, sized } from '../extent.ts'
import { count } from '../figures.ts'
import { COMMIT_STRATEGIES, filesIn, scratch } from '../stores.ts'
import { Disk } from './disk.ts'
import { Switches } from './failing-disk.ts'
import { noteKill, readJournal } from './journal.ts'
import { judgeFiles, newHistory } from './judge.ts'
import { formulaOf } from './load.ts'
import { buildRecorder, startRecorded } from './recorder.ts'
import { cutPower, pathsOnDisk, record } from './recording.ts'

const ROOT = new URL('../../../', import.meta.url).pathname

const library = buildRecorder(scratch(t))

t.setTimeout(sized(300_000, 2_400_000))

for (const strategy of COMMIT_STRATEGIES) {
  t.test(`${strategy}: a power cut at any moment loses nothing that was answered`, async (t) => {
    for (let round = 0; round < sized(1, 10); round++) {
      const recording = await record(t, { strategy, library, stream: round })
      const options = { cuts: sized(3, 32), stream: 1_000 + round, again: 20 }
      const { violations, done } = await cutPower(t, recording, options)
      t.same(violations, [])
      count('powerCuts', done)
    }
  })
}

t.test('an answer first given by a replay after kill -9 survives a power cut', async (t) => {
  const { folder, journal, control } = pathsOnDisk(t)
  const disk = new Disk(folder)
  const switches = new Switches(t, control)
  const env = { ...filesIn(folder, 'one transaction'), FAULT_CONTROL: control }
  const start = () => startRecorded(t, { library, folder, journal, env })
  const history = newHistory()

  const first = await start()
  // The write is complete but not synced: the process is killed while it waits for the disk.
  switches.set({ syncs: 'W', path: '-wal' })
  const cutOff = history.submit(sendTo(first.url).send, 'key', formulaOf('Written'))
  await until(() => switches.hits > 0, 2)
  await first.kill('SIGKILL')
  t.equal(await cutOff, null)
  switches.mend()
  noteKill(journal)

  const second = await start()
  const { send, close } = sendTo(second.url)
  const replayed = await history.submit(send, 'key', formulaOf('Written'))
  t.match(replayed, { status: 200, headers: { 'idempotent-replayed': 'true' } })
  close()
  await second.kill('SIGKILL')
  for (const one of readJournal(journal)) disk.apply(one)
  const left = join(scratch(t), 'left')
  disk.cut(left, chance(), 'nothing')
  t.same(await judgeFiles(left, 'one transaction', history), [])
  count('powerCuts', 1)
})

/** A copy of the service with another setting of SQLite's `synchronous`. @returns its server */
function withSynchronous(t: Test, setting: string): string {
  const copy = scratch(t)
  for (const part of ['src', 'plugins', 'routes', 'package.json']) {
    cpSync(join(ROOT, part), join(copy, part), { recursive: true })
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  const path = join(copy, 'src/stores/sqlite/durability/file.ts')
  const source = readFileSync(path, 'utf8')
  const changed = source.replace('PRAGMA synchronous = FULL', `PRAGMA synchronous = ${setting}`)
  t.not(changed, source, 'the setting stands where it is looked for')
  writeFileSync(path, changed)
  return join(copy, 'src/server.ts')
}

/** A few cuts may all lose nothing; after so many rounds one has lost an answered submission. */
const ROUNDS = 20

/** What the judge says of a submission that was lost: repeated under its key, it may have been carried out anew. */
const LOST = /answered 200 and not stored so|carried out twice/

// One of them is enough for a short run.
for (const setting of !isLong ? ['NORMAL'] : ['NORMAL', 'OFF']) {
  t.test(`with synchronous=${setting} the same cuts lose answered submissions`, async (t) => {
    const server = withSynchronous(t, setting)
    const recording = await record(t, { strategy: 'one transaction', library, stream: 0, server })
    let [lost, others] = [0, 0]
    for (let round = 0; lost === 0 && round < ROUNDS; round++) {
      const { violations } = await cutPower(t, recording, { cuts: sized(5, 32), stream: 1_000 + round })
      lost = violations.filter((violation) => LOST.test(violation)).length
      others += violations.length - lost
    }
    t.not(lost, 0)
    t.comment(`${lost} violations tell of answered submissions lost, ${others} of something else`)
  })
}
