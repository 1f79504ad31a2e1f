import type { Settings } from '../../test/support/postgres/cluster.ts'
import { type PostgresServer, query, startPostgres } from '../../test/support/postgres/server.ts'
import { type Case, cases } from '../cases.ts'
import { whole } from '../judged.ts'
import type { Extent } from '../under.ts'
import { type BacklogRate, compareBacklog } from './backlog.ts'
import { type Consumption, measureConsumption } from './consumption.ts'
import { pgBoss, postgres, transactionARequest } from './contenders.ts'
import { type HeldSnapshot, measureHeldSnapshot } from './held-snapshot.ts'
import { type Intake, measureIntake } from './intake.ts'

/** What services come to on one PostgreSQL server. */
export interface PostgresFigures {
  version: string
  /** Of postgresql.conf, where it is not as shipped. */
  settings: Settings
  intake: Intake[]
  consumption: Consumption[]
  backlog: { formulas: number; rates: BacklogRate[] }
  heldSnapshot?: HeldSnapshot
}

export interface PostgresExtent extends Extent {
  consumption: Extent
  backlog: Extent & { formulas: number }
  /** Events consumed while a transaction holds a snapshot. */
  heldEvents: number
}

/** As one would set a server that has some memory. Whatever is not here is as shipped: every commit is synced. */
const SETTINGS: Settings = {
  max_connections: 200,
  shared_buffers: '512MB',
  max_wal_size: '4GB',
  track_wal_io_timing: true,
}

/** @throws {Error} when something that was answered is not there */
export async function measurePostgres(
  { consumption, backlog, heldEvents, ...intake }: PostgresExtent,
  say: (line: string) => void,
): Promise<PostgresFigures> {
  const server = await startPostgres({ settings: SETTINGS, locale: 'C' })
  try {
    const [about] = await query<{ version: string }>(server.url(), 'SELECT version()')
    const figures: PostgresFigures = {
      version: about?.version ?? 'unknown',
      settings: SETTINGS,
      intake: await measureIntake(server, [postgres, transactionARequest, pgBoss], caseNamed('single'), intake),
      consumption: [],
      backlog: { formulas: backlog.formulas, rates: [] },
    }
    figures.intake.forEach((each) => {
      sayIntake(each, say)
    })
    figures.consumption = await measureConsumption(server, [postgres], caseNamed('consume-100'), consumption)
    for (const { contender, rate } of figures.consumption) say(`${contender}: ${whole(rate)} events/s by 100`)
    await measureBacklog(server, backlog, figures, say)
    figures.heldSnapshot = await measureHeldSnapshot(server, heldEvents)
    sayHeldSnapshot(figures.heldSnapshot, say)
    return figures
  } finally {
    await server.stop()
  }
}

/** PostgreSQL is slower than the files that the cases are made for: fewer events last as long. */
function caseNamed(name: string): Case {
  const found = cases.find((each) => each.name === name)
  if (found === undefined) throw new Error(`There is no case ${name}`)
  return { ...found, eventsPerSecond: Math.min(found.eventsPerSecond, 120_000) }
}

async function measureBacklog(
  server: PostgresServer,
  extent: PostgresExtent['backlog'],
  { backlog }: PostgresFigures,
  say: (line: string) => void,
): Promise<void> {
  for (const subject of [caseNamed('single'), caseNamed('consume-100')]) {
    const rate = await compareBacklog(server, postgres, subject, extent)
    backlog.rates.push(rate)
    say(`${rate.title}: ${whole(rate.filled)} of ${whole(rate.empty)} ${rate.unit}/s when empty`)
  }
}

function sayHeldSnapshot({ free, held, freeBytes, heldBytes }: HeldSnapshot, say: (line: string) => void): void {
  const told = (rates: number[], bytes: number): string =>
    `${rates.map(whole).join(', ')} events/s, ${whole(bytes / 1e6)} MB in the end`
  say(`Consumed while rows can be removed: ${told(free, freeBytes)}`)
  say(`Consumed under a snapshot held by another: ${told(held, heldBytes)}`)
}

function sayIntake({ contender, rate, p50Ms, p99Ms, cpuUsPerUnit, server }: Intake, say: (line: string) => void): void {
  const latency = `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`
  say(`${contender.padEnd(22)} ${whole(rate).padStart(7)} formulas/s, ${latency}`)
  const cpu = `CPU ${cpuUsPerUnit.toFixed(0)} us in the service, ${server.cpuUsPerUnit.toFixed(0)} us in PostgreSQL`
  say(`  ${cpu}, ${whole(server.walBytesPerUnit)} bytes of log each`)
  const syncs = `${whole(server.syncsPerSecond)} syncs/s of ${server.syncMs.toFixed(2)} ms`
  say(`  ${whole(server.commitsPerSecond)} commits/s, each of ${server.unitsPerCommit.toFixed(1)}; ${syncs}`)
  const doing = Object.entries(server.backends).map(([name, count]) => `${name} ${count.toFixed(1)}`)
  say(`  backends: ${doing.slice(0, 6).join(', ')}`)
}
