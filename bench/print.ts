import { markdownTable } from '../docs/figures.ts'
import type { CaseFigures, Judged } from './goals.ts'
import type { Overload } from './overload.ts'
import type { Intake } from './postgres/part.ts'
import type { ScaleRow } from './postgres/scale.ts'
import type { Figure } from './trial.ts'

type Format = (value: number) => string

export const whole: Format = (value) => Math.round(value).toLocaleString('en-US')
export const inMs: Format = (value) => `${value.toFixed(1)} ms`
export const inMegabytes: Format = (value) => `${Math.round(value / 1e6)} MB`
const inBytes = (value: number | undefined): string =>
  value !== undefined && Number.isFinite(value) ? whole(value) : '–'

export function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Prints a detail of what was announced before. */
export function tell(line: string): void {
  say(`  ${line}`)
}

export function goalsTable(goals: Judged[]): string {
  const rows = goals.map(({ goal, figure, holds }) => [goal, figure, holds ? 'holds' : 'does not hold'])
  return markdownTable([['Goal', 'Figure', 'Holds?'], ...rows])
}

/** The contenders of each case. CPU time and bytes are per formula, event or answer. */
export function casesTable(cases: CaseFigures[]): string {
  const head = ['Case', 'Contender', 'Rate', 'Of first', 'p50', 'p99', 'CPU', 'RSS', 'Bytes written', 'Bytes kept']
  const rows = cases.flatMap(({ title, unit, figures }) =>
    figures.map((figure, index) => [
      index === 0 ? title : '',
      figure.contender,
      `${whole(figure.rate)} ${unit}/s`,
      (figure.rate / (figures[0] as Figure).rate).toFixed(2),
      inMs(figure.p50Ms),
      inMs(figure.p99Ms),
      `${figure.cpuUsPerUnit.toFixed(1)} µs`,
      inMegabytes(figure.rssBytes),
      inBytes(figure.writtenBytesPerUnit),
      inBytes(figure.keptBytesPerFormula),
    ]),
  )
  return markdownTable([head, ...rows])
}

/** Answers per second, and the latency of submissions that were accepted meanwhile. */
export function overloadTable({ levels, recovered, restarted }: Overload): string {
  const named = levels.map((level) => ({ ...level, name: whole(level.connections) }))
  const again = whole(recovered.connections)
  const after = [
    { ...recovered, name: `${again}, afterwards` },
    { ...restarted, name: `${again}, new process` },
  ]
  const rows = [...named, ...after].map(({ name, offered, accepted, probed }) => [
    name,
    `${whole(offered)}/s`,
    `${whole(accepted)}/s`,
    inMs(probed.accepted.p50Ms),
    inMs(probed.accepted.p99Ms),
  ])
  return markdownTable([['Connections', 'Answers', 'Accepted', 'p50', 'p99'], ...rows])
}

/** What one submission costs. */
export function costsTable(intake: Intake[]): string {
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
  const rows = intake.map((figure) => [
    figure.contender,
    whole(figure.rate),
    inMs(figure.p50Ms),
    inMs(figure.p99Ms),
    `${whole(figure.cpuUsPerUnit)} µs`,
    `${whole(figure.server.cpuUsPerUnit)} µs`,
    `${whole(figure.server.walBytesPerUnit)} bytes`,
    figure.server.unitsPerCommit.toFixed(1),
    `${figure.server.syncMs.toFixed(2)} ms`,
    inBytes(figure.keptBytesPerFormula),
  ])
  return markdownTable([[...head, 'Bytes kept'], ...rows])
}

/** How rates grow with instances. */
export function scaleTable(rows: ScaleRow[]): string {
  const inPercent: Format = (value) => `${Math.round(100 * value)} %`
  const cpu = ['CPU, instances', 'CPU, PostgreSQL', 'CPU, machine']
  const table = rows.map(({ title, unit, instances, rate, busy, waits }) => [
    title,
    whole(instances),
    `${whole(rate)} ${unit}/s`,
    (rate / (rows.find((row) => row.title === title) as ScaleRow).rate).toFixed(2),
    ...[busy.instances, busy.server, busy.machine].map(inPercent),
    waits,
  ])
  return markdownTable([
    ['Load', 'Instances', 'Rate', 'Of one', ...cpu, 'Active connections and their waits'],
    ...table,
  ])
}
