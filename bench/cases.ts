import { bareRoute, type Contender, commitARequest, memory, sqlite } from './contender.ts'
import type { Requests } from './load/generator.ts'

/** One kind of load, sent to each contender in turn. */
export interface Case {
  name: string
  title: string
  requests: Requests
  contenders: Contender[]
  connections: number
  /** How many bodies are sent again and again. */
  kept: number
  /** Most events of one receive. */
  perReceive: number
  /** What is counted: requests, or what each of them carries. */
  unit: { name: string; perRequest: number }
  /** More than are consumed in a second: so many are queued for each before it is measured. */
  eventsPerSecond: number
  /** Where what is taken in would not fit into memory otherwise. */
  longestSeconds?: number
}

const base = { connections: 64, kept: 1, perReceive: 1, unit: { name: 'requests', perRequest: 1 }, eventsPerSecond: 0 }
const everyone = [bareRoute, sqlite, memory, commitARequest]
const onDisk = [bareRoute, sqlite, commitARequest]

/** What is compared in every run. */
export const cases: Case[] = [
  { ...base, name: 'single', title: 'One formula, 4 materials', requests: 'single', contenders: everyone },
  {
    ...base,
    name: 'list',
    title: 'Lists of 100 formulas',
    requests: 'list',
    contenders: everyone,
    unit: { name: 'formulas', perRequest: 100 },
    longestSeconds: 2,
  },
  {
    ...base,
    name: 'replay',
    title: 'Replays of finished keys',
    requests: 'replay',
    contenders: everyone,
    kept: 2_000,
  },
  {
    ...base,
    name: 'duplicate',
    title: 'Known make-ups (409)',
    requests: 'duplicate',
    contenders: onDisk,
    kept: 2_000,
  },
  { ...base, name: 'forty', title: 'One formula, 40 materials', requests: 'forty', contenders: onDisk },
  {
    ...base,
    name: 'one-connection',
    title: 'One formula at a time',
    requests: 'single',
    contenders: onDisk,
    connections: 1,
  },
  {
    ...base,
    name: 'consume-1',
    title: 'Receive and ack, one event',
    requests: 'consume',
    contenders: [sqlite, memory],
    eventsPerSecond: 25_000,
    unit: { name: 'events', perRequest: 0 },
  },
  {
    ...base,
    name: 'consume-100',
    title: 'Receive and ack, 100 events',
    requests: 'consume',
    contenders: [sqlite, memory],
    perReceive: 100,
    eventsPerSecond: 300_000,
    longestSeconds: 2,
    unit: { name: 'events', perRequest: 0 },
  },
]
