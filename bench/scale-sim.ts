import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { markdownTable } from '../docs/figures.ts'
import { whole } from './judged.ts'
import { say } from './print.ts'
import type { BenchRecord } from './record.ts'
import { type Model, type Outcome, simulate } from './scale/simulate.ts'

// node bench/scale-sim.ts [options]
// What more instances of the service would come to against one PostgreSQL, by costs that were measured on one machine.
// A figure of a model: it knows no network that is full, no vacuum, no cache that is too small.

const DEFAULTS = {
  instances: '1,2,8,32',
  clients: '64',
  'service-cores': '32',
  'primary-cores': '8',
  'sync-ms': '0.5',
  'network-ms': '0.2',
  connections: '2',
  'most-members': '256',
  // Of these, a whole transaction costs so much whatever is in it.
  'batch-us': '300',
  'service-us': '',
  'postgres-us': '',
  'units-per-commit': '',
  record: 'docs/performance/postgres.json',
}

type Options = Record<keyof typeof DEFAULTS, string>

interface Costs {
  serviceUs: number
  postgresUs: number
  unitsPerCommit: number
}

/** What was measured: as told, otherwise as a run on PostgreSQL has recorded it. */
function readCosts(options: Options): Costs {
  const told = [options['service-us'], options['postgres-us'], options['units-per-commit']]
  if (told.every((each) => each !== '')) {
    const [serviceUs = 0, postgresUs = 0, unitsPerCommit = 1] = told.map(Number)
    return { serviceUs, postgresUs, unitsPerCommit }
  }
  const { postgres } = JSON.parse(readFileSync(options.record, 'utf8')) as BenchRecord
  const ours = postgres?.intake.find(({ contender }) => contender === 'postgres')
  if (ours === undefined) {
    throw new Error(
      `${options.record} has no figures of PostgreSQL: give --service-us, --postgres-us, --units-per-commit`,
    )
  }
  const { cpuUsPerUnit, unitsPerCommit } = ours.server
  return { serviceUs: ours.cpuUsPerUnit, postgresUs: cpuUsPerUnit, unitsPerCommit }
}

function modelOf(options: Options, { serviceUs, postgresUs, unitsPerCommit }: Costs): Omit<Model, 'instances'> {
  const batch = Number(options['batch-us'])
  const member = postgresUs - batch / unitsPerCommit
  if (member < 0) throw new Error('--batch-us is more than all that PostgreSQL was measured to need')
  return {
    arrivals: { clients: Number(options.clients) },
    serviceCores: Number(options['service-cores']),
    serviceUs: { before: serviceUs / 2, after: serviceUs / 2 },
    connections: Number(options.connections),
    mostMembers: Number(options['most-members']),
    networkUs: Number(options['network-ms']) * 1000,
    primaryCores: Number(options['primary-cores']),
    primaryUs: { batch, member },
    syncUs: Number(options['sync-ms']) * 1000,
  }
}

function row(
  instances: number,
  { perSecond, latencyMs, unitsPerCommit, commitsPerSync, busy, limit }: Outcome,
): string[] {
  const shares = [busy.service, busy.primary, busy.log].map((share) => share.toFixed(2))
  const sizes = [unitsPerCommit.toFixed(1), commitsPerSync.toFixed(1)]
  return [`${instances}`, whole(perSecond), latencyMs.toFixed(1), ...sizes, ...shares, limit]
}

const { values } = parseArgs({
  options: Object.fromEntries(
    Object.entries(DEFAULTS).map(([name, text]) => [name, { type: 'string' as const, default: text }]),
  ),
})
const options = values as Options
const model = modelOf(options, readCosts(options))
const head = [
  'Instances',
  'Submissions/s',
  'Latency ms',
  'Each commit',
  'Commits/sync',
  'Service',
  'Primary',
  'Log',
  'Limit',
]
const rows = options.instances
  .split(',')
  .map((text) => row(Number(text), simulate({ ...model, instances: Number(text) })))
say(markdownTable([head, ...rows]))
