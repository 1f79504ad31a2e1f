import type { Settings } from '../../test/support/postgres/cluster.ts'
import { type PostgresServer, startPostgres } from '../../test/support/postgres/server.ts'
import { type Case, caseNamed } from '../cases.ts'
import { pgBoss, postgres, transactionARequest } from '../contender.ts'
import { type FilledRate, filledRate } from '../million.ts'
import { tell, whole } from '../print.ts'
import { type Extent, type Figure, measureInTurns } from '../trial.ts'
import type { ServerFigure } from './server-costs.ts'
import { BossTrial, OpenTransactionTrial, PostgresTrial } from './trials.ts'

/** What services get from one PostgreSQL server. */
export interface PostgresFigures {
  intake: Intake[]
  /** Events per second. */
  consumption: { contender: string; rate: number }[]
  backlog: { formulas: number; rates: FilledRate[] }
  /** Events consumed per second in the last round, with another transaction open since before the first, and without. */
  openTransaction: { none: number; open: number }
}

export interface Intake extends Figure {
  server: ServerFigure
}

interface PostgresExtent extends Extent {
  formulas: number
}

/** For a server with some memory. Everything else is as shipped: every commit is synced. */
export const SETTINGS: Settings = {
  max_connections: 200,
  shared_buffers: '512MB',
  max_wal_size: '4GB',
  track_wal_io_timing: true,
}

const single = caseNamed('single')
/** PostgreSQL is slower than SQLite files: fewer events last as long. */
const consumption: Case = { ...caseNamed('consume-100'), eventsPerSecond: 120_000 }

/** @throws {Error} when something that was answered is missing */
export async function measurePostgres(extent: PostgresExtent): Promise<PostgresFigures> {
  const server = await startPostgres({ settings: SETTINGS, locale: 'C' })
  try {
    return {
      intake: await measureIntake(server, extent),
      consumption: await measureConsumption(server, extent),
      backlog: { formulas: extent.formulas, rates: await measureBacklog(server, extent) },
      openTransaction: await measureOpenTransaction(server, extent),
    }
  } finally {
    await server.stop()
  }
}

async function measureIntake(server: PostgresServer, extent: Extent): Promise<Intake[]> {
  const trials: PostgresTrial[] = []
  for (const contender of [postgres, transactionARequest, pgBoss]) {
    trials.push(new PostgresTrial(server, await server.createDatabase(), single, contender))
  }
  await measureInTurns(trials, extent)
  return trials.map((trial) => ({ ...trial.figure(), server: trial.costs.figure() }))
}

async function measureConsumption(server: PostgresServer, extent: Extent): Promise<PostgresFigures['consumption']> {
  const ours = new PostgresTrial(server, await server.createDatabase(), consumption, postgres)
  const theirs = new BossTrial(await server.createDatabase(), consumption)
  await measureInTurns([ours, theirs], extent)
  return [ours, theirs].map((trial) => {
    const { contender, rate } = trial.figure()
    tell(`${contender}: ${whole(rate)} events/s by 100`)
    return { contender, rate }
  })
}

async function measureBacklog(server: PostgresServer, extent: PostgresExtent): Promise<FilledRate[]> {
  const rates: FilledRate[] = []
  for (const subject of [single, consumption]) {
    const [empty, filled] = [await server.createDatabase(), await server.createDatabase()]
    const trials = [
      new PostgresTrial(server, empty, subject, postgres),
      new PostgresTrial(server, filled, subject, postgres, extent.formulas),
    ]
    rates.push(filledRate(subject, await measureInTurns(trials, extent)))
  }
  return rates
}

async function measureOpenTransaction(server: PostgresServer, extent: Extent) {
  const without = new PostgresTrial(server, await server.createDatabase(), consumption, postgres)
  const during = new OpenTransactionTrial(server, await server.createDatabase(), consumption, postgres)
  await measureInTurns([without, during], extent)
  const lastRate = ({ rounds }: PostgresTrial): number => rounds.at(-1)?.rate ?? Number.NaN
  const [none, open] = [lastRate(without), lastRate(during)]
  tell(`While another transaction stays open: ${whole(open)} of ${whole(none)} events/s`)
  return { none, open }
}
