import { spawn } from 'node:child_process'
import { Parser, type Result } from 'tap-parser'
import type { Check } from './mutant.ts'

/** The time limit of a test, in seconds; its process is killed a few seconds later. */
const TIMEOUT_SECONDS = 60
const GRACE_SECONDS = 10

/** The result of a check. */
export type CheckResult =
  | { kind: 'passed' }
  /** The test was skipped: it cannot run here. */
  | { kind: 'skipped'; why: string }
  /** `why` is the first assertion that failed; `beside` counts the other tests of the same group that failed too. */
  | { kind: 'failed'; why: string; beside: number }
  /** It was not reported at all: the file has no such test, or does not get so far. */
  | { kind: 'not run'; output: string }

/** Runs, in the tree under `root`, the outermost test that a check stands in, and looks what became of the check. */
export async function runCheck(root: string, [file, ...names]: Check): Promise<CheckResult> {
  const { stdout, stderr } = await runFile(root, file, names[0] as string)
  const tests = reportedTests(stdout)
  const own = tests.get(pathOf(names))
  if (own?.skipped) return { kind: 'skipped', why: own.why }
  if (own === undefined) return { kind: 'not run', output: (stderr.trim() || 'no test of that name').slice(-1_000) }
  if (own.ok) return { kind: 'passed' }
  const failed = [...tests].filter(([path, { ok }]) => !ok && !isWithin(path, names))
  return { kind: 'failed', why: own.why, beside: failed.length }
}

/** Ignores the environment of an outer run: its figures, extent and reporter do not apply. */
function environment(outermost: string): NodeJS.ProcessEnv {
  const outer = Object.entries(process.env).filter(([name]) => !/^_?TAP|^FAULT_|^NODE_OPTIONS$/.test(name))
  const exactly = `/^${RegExp.escape(outermost)}$/`
  return { ...Object.fromEntries(outer), TAP_GREP: exactly, TAP_TIMEOUT: String(TIMEOUT_SECONDS) }
}

function runFile(root: string, file: string, outermost: string): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file], {
      cwd: root,
      env: environment(outermost),
      timeout: (TIMEOUT_SECONDS + GRACE_SECONDS) * 1_000,
      killSignal: 'SIGKILL',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] += text
      })
    }
    child.once('error', reject)
    child.once('close', () => resolve(output))
  })
}

interface ReportedTest {
  ok: boolean
  skipped: boolean
  why: string
}

/** Every test that ran or was skipped, but for the filtered, by the path of its names. */
function reportedTests(tap: string): Map<string, ReportedTest> {
  const tests = new Map<string, ReportedTest>()
  const listen = (parser: Parser, names: string[]): void => {
    let why = ''
    parser.on('child', (child: Parser) => listen(child, [...names, child.name]))
    parser.on('assert', (result: Result) => {
      if (!result.ok && why === '') why = result.name
      const isSkipped = result.skip !== false && !String(result.skip).startsWith('filter')
      if (isSkipped) tests.set(pathOf([...names, result.name]), { ok: true, skipped: true, why: String(result.skip) })
    })
    parser.on('complete', ({ ok, count }: { ok: boolean; count: number }) => {
      // A test without assertions proves nothing.
      if (names.length > 0 && count > 0) tests.set(pathOf(names), { ok, skipped: false, why })
    })
  }
  const parser = new Parser()
  listen(parser, [])
  parser.end(tap)
  return tests
}

const pathOf = (names: string[]): string => names.join(' › ')

/** Whether a test is the one of these names, stands in it or around it. */
function isWithin(path: string, names: string[]): boolean {
  const own = pathOf(names)
  return path === own || path.startsWith(`${own} › `) || own.startsWith(`${path} › `)
}
