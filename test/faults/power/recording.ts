import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Chance, chance, seed } from '../extent.ts'
import { type Ledger, type Send, sendTo } from '../ledger.ts'
import { scratch } from '../scratch.ts'
import { type Cut, chooseCuts } from './cuts.ts'
import { Disk } from './disk.ts'
import { type JournalRecord, noteKill, readJournal } from './journal.ts'
import { judgeFiles, newLedger, storesIn, type Way } from './judge.ts'
import { load } from './load.ts'
import { type RecordedService, startRecorded } from './recorder.ts'
import { Timeline } from './timeline.ts'

/** What a service did under load, from its first start to its end, and what its clients know. */
export interface Recording {
  way: Way
  library: string
  journal: JournalRecord[]
  timeline: Timeline
  /** The files before. */
  disk: Disk
  /** The files as the system held them when the process was killed, where it was. */
  seen?: Map<string, Buffer>
}

export interface RecordOptions {
  way: Way
  /** The recorder. */
  library: string
  /** Tells the recordings of one run apart. */
  stream: number
  /** The service to run; this one's when not given. */
  server?: string
}

/** A folder on a real disk, whose syncs take their time, so that calls arrive meanwhile. It goes with the test. */
export function placeOnDisk(t: Test): string {
  const place = realpathSync(mkdtempSync(join(tmpdir(), 'formulas-')))
  t.teardown(() => rmSync(place, { recursive: true, force: true }))
  return place
}

/**
 * Records a service that starts on no files, is killed while it serves many clients, is started again, serves, and
 * closes.
 */
export async function record(t: Test, { way, library, stream, server }: RecordOptions): Promise<Recording> {
  const place = placeOnDisk(t)
  const [folder, journal] = [join(place, 'disk'), join(place, 'journal')]
  mkdirSync(folder)
  const disk = new Disk(folder)
  const luck = chance(stream)
  const start = () =>
    startRecorded(t, { library, folder, journal, env: storesIn(folder, way), ...(server && { server }) })
  const ledger = newLedger()
  const timeline = new Timeline(ledger)

  const first = await start()
  const killed = killing(first, luck)
  const options = { ledger, chance: luck, clients: 5 }
  const cutOff = await load({ ...options, send: timeline.through(killed.send), rounds: 25, label: 'a' })
  await killed.ended
  const seen = filesIn(folder)
  noteKill(journal)

  const second = await start()
  const { send, close } = sendTo(second.url)
  // What is answered here may rest on what the killed process had written and not synced.
  for (const { key, body, onDuplicate } of cutOff) await ledger.submit(timeline.through(send), key, body, onDuplicate)
  await load({ ...options, send: timeline.through(send), rounds: 8, label: 'b' })
  close()
  await second.end('SIGTERM')
  return { way, library, journal: readJournal(journal), timeline, disk, seen }
}

/** Sends to a service until it is killed, which is in the middle of the load. */
function killing(service: RecordedService, luck: Chance) {
  const { send, close } = sendTo(service.url)
  const ended = Promise.withResolvers<void>()
  let left = luck.integer(20, 80)
  const afterMs = luck.integer(0, 3)
  const kill = (): void => void service.end('SIGKILL').then(close).then(ended.resolve)
  const counting: Send = async (...message) => {
    const reply = await send(...message)
    if (--left === 0) setTimeout(kill, afterMs)
    return reply
  }
  return { send: counting, ended: ended.promise }
}

function filesIn(folder: string): Map<string, Buffer> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const files = paths.filter((path) => statSync(join(folder, path)).isFile())
  return new Map(files.map((path) => [path, readFileSync(join(folder, path))]))
}

export interface CutOptions {
  cuts: number
  stream: number
  /** In how many of 100 cases the power fails again, while the service recovers. */
  again?: number
}

/**
 * Cuts the power of a recording at moments chosen by chance, and judges what each leaves.
 * @returns what is broken, and how many cuts there were
 */
export async function cutPower(t: Test, recording: Recording, { cuts, stream, again = 0 }: CutOptions) {
  const { way, library, journal, timeline, disk, seen = new Map<string, Buffer>() } = recording
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
    disk.cut(folder, luck, cut.mood)
    done++
    const where = [describe(cut, journal)]
    const broken: string[] = []
    if (luck.happens(again)) {
      const second = cutAgain(t, { folder, way, library, luck })
      where.push(await second.catch((error: Error) => `again (${broken.push(error.message)})`))
      done++
    }
    broken.push(...(await judgeFiles(folder, way, knownAt(timeline, cut, journal))))
    violations.push(...broken.map((what) => `seed ${seed}, ${where.join(', ')}: ${what}`))
    rmSync(folder, { recursive: true })
  }
  return { violations: shortened(violations), done }
}

/** What one cut breaks is often broken a hundred times. */
function shortened(violations: string[]): string[] {
  const first = violations.slice(0, MOST_SHOWN).map((violation) => violation.slice(0, LONGEST_SHOWN))
  return violations.length > MOST_SHOWN ? [...first, `and ${violations.length - MOST_SHOWN} more`] : first
}

const MOST_SHOWN = 200
const LONGEST_SHOWN = 500

const knownAt = (timeline: Timeline, { records }: Cut, journal: JournalRecord[]): Ledger =>
  timeline.at(journal, records)

const describe = ({ records, mood }: Cut, journal: JournalRecord[]): string =>
  `cut after record ${records} of ${journal.length}, which leaves ${mood}`

interface Interrupted {
  folder: string
  way: Way
  library: string
  luck: Chance
}

/** Starts the service on what a cut has left, and cuts the power again while it starts or closes. @returns where */
async function cutAgain(t: Test, { folder, way, library, luck }: Interrupted): Promise<string> {
  const journalPath = join(scratch(t), 'journal')
  const disk = new Disk(folder)
  const env = storesIn(folder, way)
  const service = await startRecorded(t, { library, folder, journal: journalPath, env })
  await service.end(luck.oneOf(['SIGKILL', 'SIGTERM']))
  const journal = readJournal(journalPath)
  const [cut] = chooseCuts(journal, 1, luck) as [Cut]
  for (const one of journal.slice(0, cut.records)) disk.apply(one)
  rmSync(folder, { recursive: true })
  disk.cut(folder, luck, cut.mood)
  return `again ${describe(cut, journal)}`
}
