import { cpus } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { childrenOf, cpuMsOf } from '../../test/support/postgres/process-tree.ts'
import { type PostgresServer, query, startPostgres } from '../../test/support/postgres/server.ts'
import { type Case, caseNamed } from '../cases.ts'
import { postgres, Running } from '../contender.ts'
import { load, newRun, type Sent } from '../load/load.ts'
import { preload, readyEvents } from '../load/preload.ts'
import { tell, whole } from '../print.ts'
import { verify } from '../verify.ts'
import { SETTINGS } from './part.ts'
import { SlowMachines } from './slow-machines.ts'

/** What a number of instances on one server do. */
export interface ScaleRow {
  title: string
  unit: string
  instances: number
  /** Units per second, of all instances. */
  rate: number
  /** CPU time, as shares of what the cores of the instances, of the server and of the real machine offer. */
  busy: Record<'instances' | 'server' | 'machine', number>
  /** How many connections of the server do something at a time, and what they wait for. */
  waits: string
}

export interface ScaleExtent {
  instances: number[]
  /** For submissions, of each instance: on a slow core its code is not compiled soon enough. */
  warmUpSeconds: number
  seconds: number
}

/** Of a real core; an instance has one such core. */
const SHARE = 0.1
const SERVER_CORES = 4
/** Short, since events run out; most code is compiled by then. */
const CONSUMERS_WARM_UP_SECONDS = 2
const SETTLING_SECONDS = 3
const SAMPLE_EVERY_MS = 100
const WAITS_SHOWN = 3

const single = caseNamed('single')
/** Few connections, as each holds 100 events that do not count before they are acknowledged. */
const consumption: Case = { ...caseNamed('consume-100'), connections: 16 }
/** More than can be consumed: at full speed, and for each slow core of instances, or of the server if it has fewer. */
const [EVENTS_PER_SECOND, SLOW_EVENTS_PER_SECOND] = [120_000, 15_000]

/**
 * Measures several instances on one server, each on cores that are shares of real ones.
 * @returns nothing where processes cannot be held to a share
 * @throws {Error} when something that was answered is missing
 */
export async function measureScale(extent: ScaleExtent): Promise<ScaleRow[]> {
  const rows: ScaleRow[] = []
  for (const count of extent.instances) {
    const machines = SlowMachines.make(SHARE)
    if (machines === undefined) {
      tell('Left out: needs root on Linux, with control groups')
      return []
    }
    rows.push(...(await measureInstances(count, extent, machines)))
  }
  return rows
}

async function measureInstances(count: number, extent: ScaleExtent, machines: SlowMachines): Promise<ScaleRow[]> {
  const server = await startPostgres({ settings: SETTINGS, locale: 'C' })
  const deployment = new Deployment(server, await server.createDatabase(), count, machines)
  try {
    await deployment.start()
    const rows = [await deployment.measure(single, extent), await deployment.measure(consumption, extent)]
    await deployment.verify()
    return rows
  } finally {
    await deployment.remove()
    await server.stop()
    machines.remove()
  }
}

/** Several instances on one database. */
class Deployment {
  readonly #server: PostgresServer
  readonly #url: string
  readonly #machines: SlowMachines
  readonly #first: Running
  readonly #instances: Running[]
  readonly #sent: Sent[] = []

  constructor(server: PostgresServer, url: string, count: number, machines: SlowMachines) {
    this.#server = server
    this.#url = url
    this.#machines = machines
    this.#first = new Running(postgres(url))
    this.#instances = [this.#first, ...Array.from({ length: count - 1 }, () => new Running(postgres(url)))]
  }

  async start(): Promise<void> {
    // The first one makes the tables.
    for (const instance of this.#instances) await instance.start()
  }

  /** Warms up at full speed, then measures on slow machines. */
  async measure(subject: Case, { warmUpSeconds, seconds }: ScaleExtent): Promise<ScaleRow> {
    const isConsumer = subject.unit === 'events'
    if (isConsumer) await this.#queueEvents(CONSUMERS_WARM_UP_SECONDS, seconds)
    // All instances compile their code on the real cores.
    await this.#load(subject, isConsumer ? CONSUMERS_WARM_UP_SECONDS : warmUpSeconds * this.#instances.length)
    this.#place()
    this.#machines.hold(true)
    // Lets requests end that began at full speed.
    await this.#load(subject, SETTLING_SECONDS)
    const before = this.#count()
    const loading = this.#load(subject, seconds)
    const [rate, waits] = await Promise.all([loading, sampleWaits(this.#url, loading)])
    const busy = this.#busySince(before)
    this.#machines.hold(false)
    if (isConsumer && (await readyEvents(this.#first.url)) === 0) throw new Error('The queue ran dry')
    const row = { title: subject.title, unit: subject.unit, instances: this.#instances.length, rate, busy, waits }
    tell(`${row.instances} instances: ${whole(rate)} ${row.unit}/s; ${waits}`)
    return row
  }

  async #queueEvents(warmUpSeconds: number, seconds: number): Promise<void> {
    const cores = Math.min(this.#instances.length, SERVER_CORES)
    const slowly = SLOW_EVENTS_PER_SECOND * cores * (SETTLING_SECONDS + seconds)
    const missing = EVENTS_PER_SECOND * warmUpSeconds + slowly - (await readyEvents(this.#first.url))
    if (missing > 0) this.#sent.push(await preload(this.#first.url, missing))
    await query(this.#url, 'VACUUM ANALYZE')
  }

  /** Loads all instances at a time. @returns units per second */
  async #load({ requests, connections, perReceive, unit }: Case, seconds: number): Promise<number> {
    const loads = this.#instances.map(({ url }) =>
      load({ url, requests, run: newRun(), seconds, connections, perReceive }),
    )
    const sent = await Promise.all(loads)
    this.#sent.push(...sent)
    const refused = sent.reduce((sum, { answered }) => sum + answered.refused, 0)
    if (refused > 0) throw new Error(`${refused} requests refused`)
    return sent.reduce((sum, { answered }) => {
      return sum + (unit === 'events' ? answered.acked : answered.requests) / answered.seconds
    }, 0)
  }

  /** Moves the instances to a machine each, and all processes of the server to another. */
  #place(): void {
    for (const { pid } of this.#instances) this.#machines.place(pid, `instance-${pid}`, 1)
    const { pid } = this.#server
    for (const each of [pid, ...childrenOf(pid)]) this.#machines.place(each, 'server', SERVER_CORES)
  }

  #count(): Counted {
    const times = cpus().map(({ times }) => times)
    const sum = (of: (each: (typeof times)[number]) => number): number => times.reduce((all, each) => all + of(each), 0)
    return {
      atMs: performance.now(),
      instancesMs: this.#instances.reduce((all, { pid }) => all + cpuMsOf(pid), 0),
      serverMs: cpuMsOf(this.#server.pid),
      idleMs: sum(({ idle }) => idle),
    }
  }

  #busySince(before: Counted): ScaleRow['busy'] {
    const after = this.#count()
    const of = (name: keyof Counted): number => after[name] - before[name]
    const coreMs = of('atMs') * SHARE
    return {
      instances: of('instancesMs') / (coreMs * this.#instances.length),
      server: of('serverMs') / (coreMs * SERVER_CORES),
      machine: 1 - of('idleMs') / (of('atMs') * cpus().length),
    }
  }

  async verify(): Promise<void> {
    for (const instance of this.#instances.slice(1)) await instance.kill('SIGKILL')
    await verify(this.#first, this.#sent)
  }

  async remove(): Promise<void> {
    for (const instance of this.#instances) await instance.remove()
  }
}

interface Counted {
  atMs: number
  instancesMs: number
  serverMs: number
  idleMs: number
}

/** An open transaction without a statement waits for its instance. */
const WAITS = `
  SELECT CASE WHEN state = 'active' THEN coalesce(wait_event_type || ':' || wait_event, 'CPU') ELSE 'instance' END AS wait,
    count(*)::int AS connections
  FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND state <> 'idle' AND pid <> pg_backend_pid() GROUP BY 1`

/** Samples until a load ends what connections to a server wait for. */
async function sampleWaits(url: string, until: Promise<unknown>): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const over = until.then(
    () => true,
    () => true,
  )
  const counts = new Map<string, number>()
  let samples = 0
  do {
    const { rows } = await client.query<{ wait: string; connections: number }>(WAITS)
    for (const { wait, connections } of rows) counts.set(wait, (counts.get(wait) ?? 0) + connections)
    samples++
  } while (!(await Promise.race([over, pause(SAMPLE_EVERY_MS, false)])))
  await client.end()
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const most = [...counts].toSorted(([, a], [, b]) => b - a).slice(0, WAITS_SHOWN)
  const shares = most.map(([wait, count]) => `${wait} ${Math.round((100 * count) / all)} %`)
  return `${(all / samples).toFixed(1)} active: ${shares.join(', ')}`
}
