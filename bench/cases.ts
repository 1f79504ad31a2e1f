import { bareRoute, type Contender, sqlite } from './contender.ts'
import type { Requests } from './load/load.ts'

/** One kind of load, sent to several contenders. */
export interface Case {
  name: string
  title: string
  requests: Requests
  contenders: Contender[]
  connections: number
  /** Number of formulas that are sent repeatedly. */
  kept: number
  /** Maximum number of events per receive. */
  perReceive: number
  /** What rates count; events are counted by acknowledgements. */
  unit: 'formulas' | 'events'
  formulasPerRequest: number
  /** Events queued before a measurement, for each second that it lasts; must exceed what any contender can consume. */
  eventsPerSecond: number
  /** Upper bound of a measurement, where more would not fit into memory. */
  maxSeconds?: number
}

const submissions: Omit<Case, 'name' | 'title'> = {
  requests: 'single',
  contenders: [bareRoute, sqlite],
  connections: 64,
  kept: 2_000,
  perReceive: 1,
  unit: 'formulas',
  formulasPerRequest: 1,
  eventsPerSecond: 0,
}

const lists = { ...submissions, requests: 'list', formulasPerRequest: 100, maxSeconds: 2 } as const
const consumption: typeof submissions = { ...submissions, requests: 'consume', contenders: [sqlite], unit: 'events' }

export const cases: Case[] = [
  { ...submissions, name: 'single', title: 'One formula, 4 materials' },
  { ...lists, name: 'list', title: 'Lists of 100 formulas' },
  { ...submissions, name: 'replay', title: 'Replays of finished keys', requests: 'replay' },
  { ...submissions, name: 'duplicate', title: 'Known compositions (409)', requests: 'duplicate' },
  { ...submissions, name: 'forty', title: 'One formula, 40 materials', requests: 'forty' },
  { ...submissions, name: 'one-connection', title: 'One formula, 1 connection', connections: 1 },
  { ...submissions, name: '256-connections', title: 'One formula, 256 connections', connections: 256 },
  { ...submissions, name: '1024-connections', title: 'One formula, 1,024 connections', connections: 1_024 },
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
