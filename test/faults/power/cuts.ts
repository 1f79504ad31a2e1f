import type { Chance } from '../extent.ts'
import type { JournalRecord } from './journal.ts'
import type { Mood } from './pages.ts'

/** A power cut: after how many records of a journal, and what it leaves of unsynced writes. */
export interface Cut {
  records: number
  mood: Mood
}

/** The moments at which cuts find most bugs; each gets its share. */
type Aim = 'after an answer' | 'start-up' | 'after a kill' | 'around a sync' | 'within a checkpoint' | 'anywhere'

/** 'everything' is rare: it is the same as the end of a process, which other tests cover. */
const MOODS: Mood[] = [
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
    return { records: chance.oneOf(places[aim]), mood: chance.oneOf(MOODS) }
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
