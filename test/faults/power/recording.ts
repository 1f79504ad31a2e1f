import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Send, sendTo } from '../client-history.ts'
import { type Chance, chance, seed } from '../extent.ts'
import type { Server } from '../server.ts'
import { type CommitStrategy, filesIn, scratch } from '../stores.ts'
import { Disk } from './disk.ts'
import type { Leftover } from './disk-file.ts'
import { type JournalRecord, noteKill, readJournal, Timeline } from './journal.ts'
import { judgeFiles, newHistory } from './judge.ts'
import { load } from './load.ts'
import { startRecorded } from './recorder.ts'

/** The writes of a service under load, from its first start to its end, and the answers its clients got. */
export interface Recording {
  strategy: CommitStrategy
  library: string
  journal: JournalRecord[]
  timeline: Timeline
  /** The files before. */
  disk: Disk
  /** Files in the page cache when the process was killed; unset when it was not. */
  seen?: Map<string, Buffer>
}

interface RecordOptions {
  strategy: CommitStrategy
  /** The recorder. */
  library: string
  /** Separates the randomness of the recordings of one run. */
  stream: number
  /** The server to run; src/server.ts by default. */
  server?: string
}

/**
 * Paths for a recorded process, removed after the test. They are on a real disk: its syncs take time, so calls arrive
 * meanwhile.
 */
export function pathsOnDisk(t: Test): { folder: string; journal: string; control: string } {
  const parent = realpathSync(mkdtempSync(join(tmpdir(), 'formulas-')))
  t.teardown(() => rmSync(parent, { recursive: true, force: true }))
  const folder = join(parent, 'disk')
  mkdirSync(folder)
  return { folder, journal: join(parent, 'journal'), control: join(parent, 'control') }
}

/** Records a service that starts without files, is killed under load, starts again, serves, and closes. */
export async function record(t: Test, { strategy, library, stream, server }: RecordOptions): Promise<Recording> {
  const { folder, journal } = pathsOnDisk(t)
  const disk = new Disk(folder)
  const luck = chance(stream)
  const start = () =>
    startRecorded(t, { library, folder, journal, env: filesIn(folder, strategy), ...(server && { server }) })
  const history = newHistory()
  const timeline = new Timeline(history)

  const first = await start()
  const killed = killing(first, luck)
  const options = { history, chance: luck, clients: 5 }
  const cutOff = await load({ ...options, send: timeline.through(killed.send), rounds: 25, label: 'a' })
  await killed.ended
  const seen = contentsOf(folder)
  noteKill(journal)

  const second = await start()
  const { send, close } = sendTo(second.url)
  // These answers may depend on writes of the killed process that were never synced.
  for (const { key, body, onDuplicate } of cutOff) await history.submit(timeline.through(send), key, body, onDuplicate)
  await load({ ...options, send: timeline.through(send), rounds: 8, label: 'b' })
  close()
  await second.kill('SIGTERM')
  return { strategy, library, journal: readJournal(journal), timeline, disk, seen }
}

/** A connection to a service that is killed in the middle of the load. */
function killing(service: Server, luck: Chance) {
  const { send, close } = sendTo(service.url)
  const ended = Promise.withResolvers<void>()
  let left = luck.integer(20, 80)
  const afterMs = luck.integer(0, 3)
  const kill = (): void => void service.kill('SIGKILL').then(close).then(ended.resolve)
  const counting: Send = async (...message) => {
    const reply = await send(...message)
    if (--left === 0) setTimeout(kill, afterMs)
    return reply
  }
  return { send: counting, ended: ended.promise }
}

function contentsOf(folder: string): Map<string, Buffer> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const files = paths.filter((path) => statSync(join(folder, path)).isFile())
  return new Map(files.map((path) => [path, readFileSync(join(folder, path))]))
}

interface CutOptions {
  cuts: number
  stream: number
  /** Percentage of cuts after which the power fails again during recovery. */
  again?: number
}

/**
 * Cuts the power of a recording at random moments, and checks the files that each cut leaves.
 * @returns the violations, and the number of cuts
 */
export async function cutPower(t: Test, recording: Recording, { cuts, stream, again = 0 }: CutOptions) {
  const { strategy, library, journal, timeline, disk, seen = new Map<string, Buffer>() } = recording
  const folder = join(scratch(t), 'left')
  const luck = chance(stream)
  const violations: string[] = []
  let [applied, done] = [0, 0]
  for (const cut of chooseCuts(journal, cuts, luck)) {
    for (const one of journal.slice(applied, cut.records)) {
      if (one.kind === 'killed') disk.killed(one.position, seen)
      else disk.apply(one)
    }
    applied = cut.records
    disk.cut(folder, luck, cut.leftover)
    done++
    const where = [describe(cut, journal)]
    const broken: string[] = []
    if (luck.happens(again)) {
      const second = cutAgain(t, { folder, strategy, library, luck })
      where.push(await second.catch((error: Error) => `again (${broken.push(error.message)})`))
      done++
    }
    broken.push(...(await judgeFiles(folder, strategy, timeline.at(journal, cut.records))))
    violations.push(...broken.map((what) => `seed ${seed}, ${where.join(', ')}: ${what}`))
    rmSync(folder, { recursive: true })
  }
  return { violations: shortened(violations), done }
}

/** One bug often causes hundreds of violations. */
function shortened(violations: string[]): string[] {
  const first = violations.slice(0, MOST_SHOWN).map((violation) => violation.slice(0, LONGEST_SHOWN))
  return violations.length > MOST_SHOWN ? [...first, `and ${violations.length - MOST_SHOWN} more`] : first
}

const MOST_SHOWN = 200
const LONGEST_SHOWN = 500

const describe = ({ records, leftover }: Cut, journal: JournalRecord[]): string =>
  `cut after record ${records} of ${journal.length}, which leaves ${leftover}`

interface Interrupted {
  folder: string
  strategy: CommitStrategy
  library: string
  luck: Chance
}

/** Starts the service on the files after a cut, and cuts the power again while it starts or closes. @returns when */
async function cutAgain(t: Test, { folder, strategy, library, luck }: Interrupted): Promise<string> {
  const journalPath = join(scratch(t), 'journal')
  const disk = new Disk(folder)
  const env = filesIn(folder, strategy)
  const service = await startRecorded(t, { library, folder, journal: journalPath, env })
  await service.kill(luck.oneOf(['SIGKILL', 'SIGTERM']))
  const journal = readJournal(journalPath)
  const [cut] = chooseCuts(journal, 1, luck) as [Cut]
  for (const one of journal.slice(0, cut.records)) disk.apply(one)
  rmSync(folder, { recursive: true })
  disk.cut(folder, luck, cut.leftover)
  return `again ${describe(cut, journal)}`
}

/** A power cut: after how many records of a journal, and what it leaves of unsynced writes. */
export interface Cut {
  records: number
  leftover: Leftover
}

/** The moments at which cuts find most bugs; each gets its share. */
type Aim = 'after an answer' | 'start-up' | 'after a kill' | 'around a sync' | 'within a checkpoint' | 'anywhere'

/** 'everything' is rare: it is the same as the end of a process, which other tests cover. */
const LEFTOVERS: Leftover[] = [
  'nothing',
  'nothing',
  'everything',
  'some pages',
  'some pages',
  'some pages',
  'torn pages',
  'torn pages',
  'torn pages',
]

/** Chooses random power cuts, in the order of the journal. */
export function chooseCuts(journal: JournalRecord[], count: number, chance: Chance): Cut[] {
  const places = placesOf(journal)
  const aims = (Object.keys(places) as Aim[]).filter((aim) => places[aim].length > 0)
  const cuts = Array.from({ length: count }, (_, number): Cut => {
    // Each aim in turn, so that a few cuts cover all.
    const aim = aims[number % aims.length] as Aim
    return { records: chance.oneOf(places[aim]), leftover: chance.oneOf(LEFTOVERS) }
  })
  return cuts.sort((a, b) => a.records - b.records)
}

function placesOf(journal: JournalRecord[]): Record<Aim, number[]> {
  const places: Record<Aim, number[]> = {
    'after an answer': [],
    'within a checkpoint': [],
    'around a sync': [],
    'after a kill': [],
    'start-up': [],
    anywhere: [],
  }
  // From a kill until the next write to a log, answers depend on writes of the killed process.
  let inherited = false
  const paths = new Map<number, string>()
  let answered = false
  journal.forEach(({ kind, file, data }, index) => {
    if (kind === 'open') paths.set(file, data.toString())
    answered ||= kind === 'answer'
    const isLog = paths.get(file)?.endsWith('-wal') === true
    inherited = kind === 'killed' || (inherited && !(isLog && kind === 'write'))
    if (inherited) places['after a kill'].push(index + 1)
    else if (!answered) places['start-up'].push(index + 1)
    else if (kind === 'write' && paths.get(file)?.endsWith('.db')) places['within a checkpoint'].push(index + 1)
    // Just before the sync, and just after the answers that waited for it.
    if (kind === 'sync' || kind === 'sync failed') places['around a sync'].push(index, index + 1, index + 2)
    if (kind === 'answer') places['after an answer'].push(index + 1, index + 2)
    places.anywhere.push(index + 1)
  })
  return places
}
