import { parseArgs } from 'node:util'
import { publish } from '../docs/figures.ts'
import { cases } from './cases.ts'
import { picture } from './chart/picture.ts'
import { bareRoute, commitARequest, memory, sqlite } from './contender.ts'
import { measureEndurance } from './endurance.ts'
import { type Extents, full, onPostgres, quick } from './extents.ts'
import { judge } from './goals.ts'
import { generator } from './load/load.ts'
import { commit, machine } from './machine.ts'
import { measure } from './measure.ts'
import { measureMillion } from './million.ts'
import { measureOverload } from './overload.ts'
import { pgBoss, postgres, transactionARequest } from './postgres/contenders.ts'
import { measurePostgres } from './postgres/part.ts'
import { caption, goalsTable, postgresSection, say, sayFigures, section, tell } from './print.ts'
import { type BenchRecord, keep, type Measured } from './record.ts'
import { measureSweep } from './sweep.ts'

// node bench/run.ts quick | full | postgres [--only <case or part>[,…]]
// With --only, or when a part failed, nothing is written: what is not whole is not to be quoted.

/** Parts whose figures do not count, because what was answered was not there, or a load went wrong. */
const broken: string[] = []

/** What --only may name. */
const NAMES = ['cases', ...cases.map(({ name }) => name), 'million', 'overload', 'sweep', 'endurance', 'postgres']

type IsAsked = (name: string) => boolean

async function measureCases(extents: Extents, isAsked: IsAsked, measured: Measured): Promise<void> {
  const { cases: extent } = extents
  if (extent === undefined) return
  for (const subject of cases.filter(({ name }) => isAsked(name) || isAsked('cases'))) {
    await attempt(subject.title, async () => {
      const { name, title, unit } = subject
      const figures = { name, title, unit: unit.name, figures: await measure(subject, extent) }
      measured.cases.push(figures)
      sayFigures(figures)
    })
  }
}

/** What goes beyond the cases; one after the other, as two cores have no room for more. */
async function measureAtLength(extents: Extents, isAsked: IsAsked, measured: Measured): Promise<void> {
  const { million, overload, sweep, endurance, postgres } = extents
  if (million && isAsked('million')) {
    await attempt('A store that holds much', async () => {
      measured.million = await measureMillion(million, tell)
    })
  }
  if (overload && isAsked('overload')) {
    await attempt('Overload', async () => {
      measured.overload = await measureOverload(overload, tell)
    })
  }
  if (sweep && isAsked('sweep')) {
    await attempt('Keys that expire', async () => {
      measured.sweep = await measureSweep(sweep, tell)
    })
  }
  if (endurance && isAsked('endurance')) {
    await attempt('Endurance', async () => {
      measured.endurance = await measureEndurance(endurance, tell)
    })
  }
  if (postgres && isAsked('postgres')) {
    await attempt('PostgreSQL', async () => {
      measured.postgres = await measurePostgres(postgres, tell)
    })
  }
}

/** Does one part; when it fails, the others are measured all the same. */
async function attempt(title: string, part: () => Promise<void>): Promise<void> {
  say(`\n${title}`)
  try {
    await part()
  } catch (error) {
    broken.push(title)
    tell(`DOES NOT COUNT: ${(error as Error).message}`)
  }
}

function recordOf(measured: Measured, extents: Extents): BenchRecord {
  const ofPostgres = [postgres, transactionARequest, pgBoss].map((contender) => contender(''))
  const all = extents.postgres ? ofPostgres : [bareRoute, sqlite, memory, commitARequest]
  const contenders = all.map(({ name, description }) => [name, description])
  return {
    date: new Date().toISOString(),
    commit: commit(),
    machine: machine(),
    generator: { name: generator.name, version: generator.version },
    contenders: Object.fromEntries(contenders),
    extents,
    ...measured,
    goals: judge(measured),
  }
}

const RUNS = { quick, full, postgres: onPostgres }

function readArguments(): { name: keyof typeof RUNS; only: string[] | undefined } {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { only: { type: 'string' } } })
  const [name = 'quick'] = positionals
  if (!Object.hasOwn(RUNS, name)) throw new Error(`${Object.keys(RUNS).join(' or ')}, not ${name}`)
  const only = values.only?.split(',')
  const unknown = only?.find((part) => !NAMES.includes(part))
  if (unknown !== undefined) throw new Error(`${unknown} is none of ${NAMES.join(', ')}`)
  return { name: name as keyof typeof RUNS, only }
}

async function main(): Promise<void> {
  const { name, only } = readArguments()
  const extents = RUNS[name]
  const isAsked: IsAsked = (part) => only === undefined || only.includes(part)
  const measured: Measured = { cases: [] }
  await measureCases(extents, isAsked, measured)
  await measureAtLength(extents, isAsked, measured)
  const record = recordOf(measured, extents)
  say(`\n${goalsTable(record.goals)}\n\n${caption(record)}`)
  for (const title of broken) say(`Does not count: ${title}`)
  if (broken.length > 0) process.exitCode = 1
  if (only !== undefined || broken.length > 0) return
  keep(name, record, measured.cases.length > 0 ? picture(measured) : undefined)
  if (name === 'full') publish('performance.md', section(record))
  if (name === 'postgres') publish('scale.md', postgresSection(record))
}

// Ends the contenders as well, and removes their files.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
await main()
