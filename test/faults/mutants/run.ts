/**
 * Tests the tests: plants each bug of the catalogue, one at a time, and requires that the test named for it fails.
 *
 * StrykerJS, the usual tool, mutates single operators and literals and counts the mutants that any test kills. It cannot
 * express "an answer before the commit" or "compensation by fingerprint": such bugs span several lines. It also cannot
 * check that a bug is caught by the test named for it.
 */
import { count } from '../figures.ts'
import { mutants } from './catalogue.ts'
import type { Check, Mutant } from './mutant.ts'
import { runCheck } from './run-check.ts'
import { TreeCopy } from './tree-copy.ts'
import { secondsSince, titleOf, tryMutant } from './trial.ts'

const COPIES = 2

/** Prints to the terminal. */
const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** Assigns each item to the next free copy. */
async function overAll<T>(copies: TreeCopy[], items: T[], use: (copy: TreeCopy, item: T) => Promise<void>) {
  const left = [...items]
  const work = async (copy: TreeCopy): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await use(copy, item)
  }
  await Promise.all(copies.map(work))
}

/**
 * Runs every check on the unchanged tree: a test that already fails proves nothing.
 * @returns the checks that this machine cannot run, and one line for each other problem
 */
async function runWithoutBugs(copies: TreeCopy[], chosen: Mutant[]) {
  const checks = new Map<string, Check>(chosen.map(({ caughtBy }) => [titleOf(caughtBy), caughtBy]))
  const skipped = new Map<string, string>()
  const failures: string[] = []
  await overAll(copies, [...checks.values()], async (copy, check) => {
    const result = await runCheck(copy.root, check)
    if (result.kind === 'skipped') skipped.set(titleOf(check), result.why)
    else if (result.kind !== 'passed') failures.push(`without any bug: ${titleOf(check)}: ${JSON.stringify(result)}`)
  })
  return { skipped, failures }
}

/** @returns how many were not caught */
async function tryAll(copies: TreeCopy[], chosen: Mutant[]): Promise<number> {
  let escaped = 0
  await overAll(copies, chosen, async (copy, mutant) => {
    const { caught, told, seconds } = await tryMutant(copy, mutant)
    if (!caught) escaped++
    say(`${caught ? 'ok' : 'NOT CAUGHT'}  ${mutant.name}\n    breaks: ${mutant.breaks}\n    ${told}, ${seconds} s`)
  })
  return escaped
}

async function run(chosen: Mutant[], copies: TreeCopy[]): Promise<number> {
  const begun = performance.now()
  const { skipped, failures } = await runWithoutBugs(copies, chosen)
  for (const failure of failures) say(failure)
  if (failures.length > 0) return 1
  for (const [check, why] of skipped) say(`cannot be run here: ${check}: ${why}`)
  say(`all other checks pass without bugs, ${secondsSince(begun)} s`)
  const tried = chosen.filter(({ caughtBy }) => !skipped.has(titleOf(caughtBy)))
  const escaped = await tryAll(copies, tried)
  const caught = tried.length - escaped
  count('plantedBugs', caught)
  const untried = chosen.length - tried.length
  say(`planted bugs: ${caught} caught, ${escaped} not, ${untried} not tried; ${secondsSince(begun)} s`)
  return escaped === 0 && caught > 0 ? 0 : 1
}

const copies: TreeCopy[] = []
process.on('exit', () => {
  for (const copy of copies) copy.remove()
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))
for (let number = 0; number < COPIES; number++) copies.push(new TreeCopy())
/** A command-line argument selects the mutants whose names contain it. */
const wanted = process.argv[2] ?? ''
process.exitCode = await run(
  mutants.filter(({ name }) => name.includes(wanted)),
  copies,
)
