import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { publish } from '../../docs/figures.ts'
import { figures } from './figures.ts'
import {
  allGood,
  begin,
  chosenParts,
  memoryTable,
  missed,
  type PartResult,
  peaksOf,
  type Run,
  type RunState,
  resumable,
  summary,
  table,
} from './report.ts'

const USAGE = `npm run test:faults                the long run, part by part
npm run test:faults -- <part> …    these parts alone
npm run test:faults -- --resume    the parts that an interrupted run has not finished, or that failed
npm run test:faults:short          a short run, which publishes nothing

When every part has passed on the same commit, the figures are written into the docs. FAULT_SEED repeats an earlier run.
`
const root = join(import.meta.dirname, '..', '..')
/** The results of the parts so far. */
const STATE = join(root, '.faults', 'state.json')
const RECORD = join(root, '.faults', 'figures.jsonl')

/** The tests of each part: a folder here, or the fuzzing of the HTTP interface. */
const PARTS: Record<string, string[]> = { fuzz: ['test/openapi/fuzz.test.ts'] }
for (const file of globSync('test/faults/**/*.{test,check}.ts', { cwd: root }).sort()) {
  const part = basename(dirname(file))
  PARTS[part] = [...(PARTS[part] ?? []), file]
}

/** Runs a command and shows its output. @returns whether it succeeded */
function ran(command: string, args: string[], env: Record<string, string> = {}): boolean {
  const { status } = spawnSync(command, args, { cwd: root, env: { ...process.env, ...env }, stdio: 'inherit' })
  return status === 0
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** Without the planted bugs, the failovers, which take minutes, and the fuzzing, which `npm test` does. */
function runShort(): boolean {
  const { mutants, failover, fuzz, ...short } = PARTS
  return ran('npm', ['run', 'tap', '--', ...Object.values(short).flat()])
}

function runPart(part: string, seed: number): PartResult {
  const began = Date.now()
  const env = { FAULT_RUN: 'long', FAULT_SEED: String(seed), FAULT_FIGURES: RECORD }
  say(`Part ${part}, seed ${seed}`)
  writeFileSync(RECORD, '')
  // Three clusters at once would be too much for the time limits of recovery.
  const jobs = part === 'failover' ? ['--jobs=1'] : []
  const options = ['--disable-coverage', '--allow-empty-coverage', '--timeout=7200', ...jobs]
  const isKept = ran('tap', [...options, ...(PARTS[part] as string[])], env)
  const isCaught = part !== 'mutants' || ran('node', ['test/faults/mutants/run.ts'], env)
  return {
    isGood: isKept && isCaught,
    seconds: (Date.now() - began) / 1000,
    day: new Date().toISOString().slice(0, 10),
    record: readFileSync(RECORD, 'utf8'),
  }
}

function readState(): RunState | null {
  try {
    return JSON.parse(readFileSync(STATE, 'utf8')) as RunState
  } catch {
    return null
  }
}

/** The commit, which must be the same for all parts of a run. */
function versionOfCode(): string {
  const { stdout } = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' })
  return stdout?.trim() ?? ''
}

/** Writes the figures into the docs if each has reached its goal. */
function publishRun(run: Run, record: string): boolean {
  say(table(run))
  const short = missed(run)
  for (const figure of short) say(`Not reached: ${figures[figure].counts}`)
  if (short.length > 0) return false
  publish('reliability.md', table(run))
  publish('operations.md', memoryTable(peaksOf(record), run.day))
  return true
}

function runLong(words: string[], isResumed: boolean): boolean {
  const all = Object.keys(PARTS)
  const unknown = words.filter((word) => !all.includes(word))
  if (unknown.length > 0) {
    say(`There is no part ${unknown.join(', ')}; the parts are ${all.join(', ')}`)
    return false
  }
  const earlier = words.length > 0 || isResumed ? resumable(readState(), versionOfCode()) : null
  const state = earlier ?? begin(versionOfCode(), Number(process.env.FAULT_SEED ?? Date.now() % 2 ** 31))
  mkdirSync(dirname(STATE), { recursive: true })
  for (const part of chosenParts(all, words, state, isResumed)) {
    state.parts[part] = runPart(part, state.seed)
    writeFileSync(STATE, JSON.stringify(state))
  }
  for (const part of all) {
    const { isGood, seconds = 0 } = state.parts[part] ?? {}
    const became = isGood === undefined ? 'not done yet' : isGood ? 'every promise kept' : 'a promise was broken'
    say(`${part}: ${became}, ${Math.round(seconds / 60)} minutes`)
  }
  if (Object.values(state.parts).some(({ isGood }) => !isGood)) {
    say(`FAULT_SEED=${state.seed} repeats the run; --resume runs the unfinished and failed parts`)
    return false
  }
  if (!allGood(all, state)) return true
  const { run, record } = summary(state)
  return publishRun(run, record)
}

const { values, positionals } = parseArgs({
  options: { short: { type: 'boolean' }, resume: { type: 'boolean' }, help: { type: 'boolean' } },
  allowPositionals: true,
})
if (values.help) process.stdout.write(USAGE)
else process.exitCode = (values.short ? runShort() : runLong(positionals, values.resume ?? false)) ? 0 : 1
