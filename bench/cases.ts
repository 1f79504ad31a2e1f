import { bareRoute, type Contender, sqlite } from './contender.ts'
import type { Requests } from './load/load.ts'

/** What is sent to a contender. */
export interface CaseLoad {
  requests: Requests
  connections: number
  /** Number of formulas that are sent repeatedly, or stored to be read. */
  kept: number
  /** What `get` reads: liveness, formulas by their ids, or pages of 50. */
  reads: 'liveness' | 'formulas' | 'pages'
  /** Maximum number of events per receive. */
  perReceive: number
  /** What rates count; events are counted by acknowledgements. */
  unit: 'formulas' | 'events' | 'answers'
  unitsPerRequest: number
  /** Events queued before a measurement, for each second that it lasts; must exceed what any contender can consume. */
  eventsPerSecond: number
  /** Upper bound of a measurement, where more would not fit into memory. */
  maxSeconds?: number
}

/** One kind of load, sent to several contenders. */
export interface Case extends CaseLoad {
  name: string
  title: string
  contenders: Contender[]
  /** Whether a quick run leaves it out. */
  onlyFull?: boolean
}

const submissions: Omit<Case, 'name' | 'title'> = {
  requests: 'single',
  contenders: [bareRoute, sqlite],
  connections: 64,
  kept: 2_000,
  reads: 'liveness',
  perReceive: 1,
  unit: 'formulas',
  unitsPerRequest: 1,
  eventsPerSecond: 0,
}

const lists = { ...submissions, requests: 'list', unitsPerRequest: 100, maxSeconds: 2 } as const
const consumption: typeof submissions = { ...submissions, requests: 'consume', contenders: [sqlite], unit: 'events' }

/** The service as shipped, by what it is sent. */
const sent = (name: string, load: Partial<CaseLoad>): Contender => ({ ...sqlite, name, load })
const over = (connections: number): Contender => sent(`over ${connections}`, { connections })
const minimal = sent('return=minimal', { requests: 'minimal' })
/** As many formulas at a time as in lists of 100 over 64 connections. */
const thousands = sent('lists of 1,000', { requests: 'thousand', unitsPerRequest: 1_000, connections: 8 })
/** The bare route as well: how far its starts differ is the machine's doing. */
const starts = Array.from({ length: 8 }, (_, index): Contender[] => [
  { ...bareRoute, name: `bare start ${index + 1}` },
  { ...sqlite, name: `start ${index + 1}` },
]).flat()

export const cases: Case[] = [
  { ...submissions, name: 'single', title: 'One formula, 4 materials' },
  { ...lists, name: 'list', title: 'Lists of 100 formulas', contenders: [bareRoute, sqlite, minimal, thousands] },
  { ...submissions, name: 'replay', title: 'Replays of finished keys', requests: 'replay' },
  { ...submissions, name: 'duplicate', title: 'Known compositions (409)', requests: 'duplicate' },
  { ...submissions, name: 'forty', title: 'One formula, 40 materials', requests: 'forty' },
  { ...submissions, name: 'one-connection', title: 'One formula, 1 connection', connections: 1 },
  { ...submissions, name: 'connections', title: 'One formula, connections', contenders: [64, 256, 1_024].map(over) },
  { ...submissions, name: 'starts', title: 'One formula, 8 starts', contenders: starts, onlyFull: true },
  {
    ...submissions,
    name: 'reads',
    title: 'Reads',
    requests: 'get',
    unit: 'answers',
    contenders: [
      sent('liveness', { reads: 'liveness' }),
      sent('by id', { reads: 'formulas' }),
      sent('pages of 50', { reads: 'pages' }),
    ],
  },
  { ...consumption, name: 'consume-1', title: 'Receive and ack, one event', eventsPerSecond: 25_000 },
  {
    ...consumption,
    name: 'consume-100',
    title: 'Receive and ack, 100 events',
    perReceive: 100,
    eventsPerSecond: 300_000,
    maxSeconds: 2,
  },
]

export function caseNamed(name: string): Case {
  const found = cases.find((each) => each.name === name)
  if (found === undefined) throw new Error(`There is no case ${name}`)
  return found
}
