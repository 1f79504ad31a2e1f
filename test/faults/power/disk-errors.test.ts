import t from 'tap'
import { sendTo } from '../client-history.ts'
import { chance, sized } from '../extent.ts'
import { count } from '../figures.ts'
import { newestFormulas } from '../history/reads.ts'
import { COMMIT_STRATEGIES, type CommitStrategy, filesIn, scratch } from '../stores.ts'
import { Disk } from './disk.ts'
import { FailingService, type NamedFault, Switches } from './failing-disk.ts'
import { readJournal, Timeline } from './journal.ts'
import { judgeFiles, newHistory } from './judge.ts'
import { formulaOf } from './load.ts'
import { buildRecorder, startRecorded } from './recorder.ts'
import { cutPower, pathsOnDisk } from './recording.ts'

/** What the disk fails to do. */
const FAULTS: Record<string, NamedFault> = {
  'the disk is full': { writes: 'N' },
  'writes fail': { writes: 'I' },
  'the disk has become read-only': { writes: 'R' },
  'a write is cut short by a full disk': { writes: 'S' },
  'writes are cut short and go on': { writes: 'H', harmless: true },
  'syncs fail': { syncs: 'I' },
  'one sync of a log fails': { syncs: '1', path: '-wal', harmless: true },
  'writes to the database file itself fail': { writes: 'I', path: '.db', harmless: true },
  'syncs of the database file itself fail': { syncs: 'I', path: '.db', harmless: true },
  "the queue's disk is full": { writes: 'N', path: 'events.db-wal', only: 'saga' },
  "the queue's syncs fail": { syncs: 'I', path: 'events.db-wal', only: 'saga' },
}

const library = buildRecorder(scratch(t))

/** Submissions time out early, so that many fail within one fault. */
const LIMITS = {
  SUBMIT_RETRIES: '2',
  SUBMIT_RETRY_BASE_MS: '1',
  SUBMIT_RETRY_MAX_MS: '20',
  SUBMIT_DEADLINE_MS: '3000',
  IDEMPOTENCY_WAIT_MS: '200',
}

/**
 * An event gets its position in the queue when it is released. If the queue fails just after a saga's commit point, that
 * is late: the event may follow those of submissions that were sent after its own was answered.
 */
const inTurn = (strategy: CommitStrategy, violations: string[]): string[] =>
  strategy === 'one transaction'
    ? violations
    : violations.filter((violation) => !/event of .* came after that of/.test(violation))

t.setTimeout(sized(300_000, 2_400_000))

for (const strategy of COMMIT_STRATEGIES) {
  t.test(
    `${strategy}: whatever the disk fails to do, refusals are clean and true, and the service recovers`,
    async (t) => {
      const { folder, journal, control } = pathsOnDisk(t)
      const disk = new Disk(folder)
      const switches = new Switches(t, control)
      const env = { ...filesIn(folder, strategy), ...LIMITS, FAULT_CONTROL: control }
      const service = await startRecorded(t, { library, folder, journal, env })
      const history = newHistory()
      const timeline = new Timeline(history)
      const { send, close } = sendTo(service.url)
      const failing = new FailingService({
        ...{ service, switches, history, send: timeline.through(send), chance: chance(strategy === 'saga' ? 9 : 8) },
        database: filesIn(folder, strategy).DATABASE_URL.slice('sqlite:'.length),
      })
      for (let round = 1; round <= sized(1, 3); round++) {
        for (const [name, fault] of Object.entries(FAULTS)) {
          if (fault.only !== undefined && fault.only !== strategy) continue
          const label = `${name} ${round}`.replaceAll(/[^a-z0-9]+/g, '-')
          t.same(inTurn(strategy, await failing.fail(fault, label)), [], name)
        }
      }
      close()
      await service.kill('SIGKILL')
      const recording = { strategy, library, journal: readJournal(journal), timeline, disk }
      const { violations, done } = await cutPower(t, recording, { cuts: sized(2, 40), stream: 3_000 })
      t.same(inTurn(strategy, violations), [], 'a power cut meanwhile or afterwards loses nothing that was answered')
      count('powerCuts', done)
      t.same(inTurn(strategy, await judgeFiles(folder, strategy, history)), [], 'nor does the end of the process')
    },
  )
}

t.test('a transaction larger than the cache that fails before its commit leaves nothing', async (t) => {
  const { folder, journal, control } = pathsOnDisk(t)
  const switches = new Switches(t, control)
  const env = { ...filesIn(folder, 'one transaction'), ...LIMITS, FAULT_CONTROL: control, BODY_LIMIT_BYTES: '67108864' }
  const service = await startRecorded(t, { library, folder, journal, env })
  const history = newHistory()
  const { send, close } = sendTo(service.url)
  // More than twice the writer's cache of 16 MB: pages spill to the log long before the commit.
  const formulas = Array.from({ length: 800 }, (_, index) => formulaOf(`Big ${index}`, `Big ${index}`, 400))
  switches.set({ writes: 'N' })
  t.match(await history.submit(send, 'big', formulas), { status: 503 })
  t.not(switches.hits, 0)
  t.same((await newestFormulas(send)).fresh, [])
  switches.mend()
  t.match(await history.submit(send, 'small', formulaOf('Small')), { status: 200 })
  t.match(await history.submit(send, 'big', formulas), { status: 200 })
  close()
  await service.kill('SIGKILL')
  t.same(await judgeFiles(folder, 'one transaction', history), [])
})
