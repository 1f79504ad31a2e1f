import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publish } from '../../docs/figures.ts'
import { figures } from './figures.ts'
import { addUp, memoryTable, missed, peaksOf, type Run, table } from './report.ts'

// The long run: every fault test in its long extent, then every planted bug. Without a violation it writes its figures
// into docs/reliability.md. FAULT_SEED repeats the chance of an earlier run.

const root = join(import.meta.dirname, '..', '..')
const TESTS = globSync(['test/faults/**/*.test.ts', 'test/openapi/fuzz.test.ts'], { cwd: root }).sort()
const TAP = ['--disable-coverage', '--allow-empty-coverage', '--timeout=3600', ...TESTS]

/** @returns whether a command did well; what it prints is shown */
function ran(command: string, args: string[], env: Record<string, string>): boolean {
  const { status } = spawnSync(command, args, { cwd: root, env: { ...process.env, ...env }, stdio: 'inherit' })
  return status === 0
}

function main(): number {
  const folder = mkdtempSync(join(tmpdir(), 'fault-figures-'))
  const record = join(folder, 'figures.jsonl')
  writeFileSync(record, '')
  try {
    const began = Date.now()
    const seed = Number(process.env.FAULT_SEED ?? began % 2 ** 31)
    const env = { FAULT_RUN: 'long', FAULT_SEED: String(seed), FAULT_FIGURES: record }
    process.stdout.write(`Seed ${seed}\n`)
    const kept = ran('tap', TAP, env)
    const caught = ran('node', ['test/faults/mutants/run.ts'], env)
    const seconds = (Date.now() - began) / 1000
    const run: Run = {
      counted: addUp(readFileSync(record, 'utf8')),
      seed,
      seconds,
      day: new Date().toISOString().slice(0, 10),
    }
    if (!kept || !caught) {
      process.stdout.write(`${JSON.stringify(Object.fromEntries(run.counted))}\n`)
      process.stdout.write(`A promise was broken; FAULT_SEED=${seed} repeats the run\n`)
      return 1
    }
    process.stdout.write(`${table(run)}\n`)
    const short = missed(run)
    for (const figure of short) process.stdout.write(`Not reached: ${figures[figure].counts}\n`)
    if (short.length === 0) {
      publish('reliability.md', table(run))
      publish('operations.md', memoryTable(peaksOf(readFileSync(record, 'utf8')), run.day))
    }
    return short.length === 0 ? 0 : 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

process.exit(main())
