import { parseArgs } from 'node:util'
import { publish } from '../docs/figures.ts'
import { type Case, cases } from './cases.ts'
import { measureEndurance } from './endurance.ts'
import { judge, type Measured } from './goals.ts'
import { caption } from './machine.ts'
import { measureMillion } from './million.ts'
import { measureObserved } from './observed.ts'
import { measureOverload } from './overload.ts'
import { measurePostgres } from './postgres/part.ts'
import { measureScale } from './postgres/scale.ts'
import { casesTable, costsTable, goalsTable, overloadTable, say, scaleTable, tell } from './print.ts'
import { measureSubscriptions } from './subscriptions.ts'
import { measureSweep } from './sweep.ts'
import { type Extent, measureInTurns, Trial } from './trial.ts'

// node bench/run.ts quick | full | postgres [--only <part>[,…]]
// A full run writes its figures to docs/performance.md, one on PostgreSQL to docs/scale.md; not with --only, nor when a
// part failed.

interface Part {
  name: string
  measure(): Promise<Partial<Measured>>
}

const MILLION = { rounds: 3, seconds: 3, warmUpSeconds: 2, formulas: 1_000_000, calls: 2_000 }
/** Of what costs little: many starts, as one differs from the next. */
const PAIRED = { starts: 6, extent: { rounds: 8, seconds: 1, warmUpSeconds: 2 } }
const OVERLOAD = { seconds: 10, connections: [64, 256, 1024, 2000, 4096, 8192] }
const SWEEP = {
  fillSeconds: 20,
  expirySeconds: 30,
  loadSeconds: 40,
  rounds: 5,
  answersPerRound: 20_000,
  restSeconds: 15,
}
const ENDURANCE = { seconds: Number(process.env.BENCH_ENDURANCE_SECONDS ?? 600), everySeconds: 5 }
const SCALE = { instances: [1, 2, 4, 8], warmUpSeconds: 12, seconds: 10 }
const POSTGRES = { rounds: 5, seconds: 4, warmUpSeconds: 2, formulas: 1_000_000 }

const RUNS: Record<string, () => Part[]> = {
  quick: () =>
    caseParts(
      cases.filter(({ onlyFull }) => !onlyFull),
      { rounds: 3, seconds: 1, warmUpSeconds: 1 },
    ),
  full: () => [
    ...caseParts(cases, { rounds: 5, seconds: 3, warmUpSeconds: 2 }),
    { name: 'million', measure: async () => ({ million: await measureMillion(MILLION) }) },
    { name: 'observed', measure: async () => ({ observed: await measureObserved(PAIRED) }) },
    { name: 'subscriptions', measure: async () => ({ subscriptions: await measureSubscriptions(PAIRED) }) },
    { name: 'overload', measure: async () => ({ overload: await measureOverload(OVERLOAD) }) },
    { name: 'sweep', measure: async () => ({ sweep: await measureSweep(SWEEP) }) },
    { name: 'endurance', measure: async () => ({ endurance: await measureEndurance(ENDURANCE) }) },
  ],
  postgres: () => [
    { name: 'postgres', measure: async () => ({ postgres: await measurePostgres(POSTGRES) }) },
    { name: 'scale', measure: async () => ({ scale: await measureScale(SCALE) }) },
  ],
}

const caseParts = (cases: Case[], extent: Extent): Part[] =>
  cases.map((subject) => ({
    name: subject.name,
    async measure() {
      const trials = subject.contenders.map((contender) => new Trial(subject, contender))
      const figures = (await measureInTurns(trials, extent)).map((trial) => trial.figure())
      const measured = [{ ...subject, figures }]
      say(casesTable(measured))
      return { cases: measured }
    },
  }))

/**
 * Measures parts one after the other; if one fails, the others are measured all the same.
 * @returns what was measured, and the names of failed parts, whose figures do not count
 */
async function measureParts(parts: Part[]): Promise<{ measured: Measured; failed: string[] }> {
  const [measured, failed]: [Measured, string[]] = [{ cases: [] }, []]
  for (const { name, measure } of parts) {
    say(`\n${name}`)
    try {
      const { cases = [], ...rest } = await measure()
      measured.cases.push(...cases)
      Object.assign(measured, rest)
    } catch (error) {
      failed.push(name)
      tell(`DOES NOT COUNT: ${(error as Error).message}`)
    }
  }
  return { measured, failed }
}

function figuresOf(measured: Measured): string {
  const { cases, overload, postgres, scale } = measured
  const tables = [
    cases.length > 0 && casesTable(cases),
    overload && overloadTable(overload),
    postgres && costsTable(postgres.intake),
    scale?.length && scaleTable(scale),
  ]
  return [caption(), goalsTable(judge(measured)), ...tables.filter(Boolean)].join('\n\n')
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { only: { type: 'string' } } })
  const [run = 'quick'] = positionals
  const parts = RUNS[run]?.()
  if (parts === undefined) throw new Error(`Choose ${Object.keys(RUNS).join(' or ')}, not ${run}`)
  const names = parts.map(({ name }) => name)
  const only = values.only?.split(',') ?? names
  const unknown = only.find((name) => !names.includes(name))
  if (unknown !== undefined) throw new Error(`${unknown} is none of ${names.join(', ')}`)
  const { measured, failed } = await measureParts(parts.filter(({ name }) => only.includes(name)))
  const figures = figuresOf(measured)
  say(`\n${figures}`)
  if (failed.length > 0) {
    say(`\nDoes not count: ${failed.join(', ')}`)
    process.exitCode = 1
  } else if (values.only === undefined) {
    if (run === 'full') publish('performance.md', figures)
    if (run === 'postgres') publish('scale.md', figures)
  }
}

await main()
