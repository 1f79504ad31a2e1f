import { markdownTable } from '../docs/figures.ts'
import { inMs, whole } from './judged.ts'
import { describe } from './machine.ts'
import type { Intake } from './postgres/intake.ts'
import type { BenchRecord, CaseFigures, Judged } from './record.ts'

export function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Says something about what was announced before. */
export function tell(line: string): void {
  say(`  ${line}`)
}

/** One line for each contender. */
export function sayFigures({ unit, figures }: CaseFigures): void {
  const bare = figures.find(({ contender }) => contender === 'bare')
  for (const { contender, rate, p50Ms, p99Ms, cpuUsPerUnit, rssBytes } of figures) {
    const columns = [
      contender.padEnd(16),
      `${whole(rate).padStart(9)} ${unit}/s`.padEnd(20),
      (bare === undefined ? '' : `${(rate / bare.rate).toFixed(2)} of bare`).padEnd(12),
      `p50 ${p50Ms.toFixed(2)} ms`.padEnd(14),
      `p99 ${p99Ms.toFixed(2)} ms`.padEnd(15),
      `CPU ${cpuUsPerUnit.toFixed(1)} us`.padEnd(14),
      `RSS ${Math.round(rssBytes / 1e6)} MB`,
    ]
    tell(columns.join('  '))
  }
}

export function goalsTable(goals: Judged[]): string {
  const rows = goals.map(({ goal, figure, holds }) => [goal, figure, holds ? 'holds' : 'does not hold'])
  return markdownTable([['Goal', 'Figure', 'Holds?'], ...rows])
}

/** What a run was and where. */
export function caption({ date, commit, machine, generator }: BenchRecord): string {
  const load = `load by ${generator.name} ${generator.version} on the same machine`
  return `Run of ${date.slice(0, 10)}, commit ${commit}. ${describe(machine)}; ${load}.`
}

/** What docs/scale.md shows of a run on PostgreSQL. */
export function postgresSection(record: BenchRecord): string {
  const { postgres } = record
  if (postgres === undefined) throw new Error('nothing was measured on PostgreSQL')
  return [goalsTable(record.goals), costsTable(postgres.intake), caption(record)].join('\n\n')
}

/** What one submission takes of each part. */
function costsTable(intake: Intake[]): string {
  const head = [
    'Contender',
    'Formulas/s',
    'p50',
    'p99',
    'CPU, service',
    'CPU, PostgreSQL',
    'Log',
    'In a commit',
    'Sync',
  ]
  const rows = intake.map(({ contender, rate, p50Ms, p99Ms, cpuUsPerUnit, server }) => [
    contender,
    whole(rate),
    inMs(p50Ms),
    inMs(p99Ms),
    `${whole(cpuUsPerUnit)} us`,
    `${whole(server.cpuUsPerUnit)} us`,
    `${whole(server.walBytesPerUnit)} bytes`,
    server.unitsPerCommit.toFixed(1),
    `${server.syncMs.toFixed(2)} ms`,
  ])
  return markdownTable([head, ...rows])
}

/** What docs/performance.md shows of a full run. */
export function section(record: BenchRecord): string {
  const shown = '![Rates and latencies of the contenders in each case](performance/full.svg)'
  return [goalsTable(record.goals), caption(record), shown].join('\n\n')
}
