import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { mutants } from './catalogue.ts'
import { CLASSIC_BUGS, type Edit, type Mutant } from './mutant.ts'
import { obstacle, ROOT, TreeCopy } from './tree-copy.ts'
import { titleOf, tryMutant } from './trial.ts'

const sources = new Map<string, string>()

function sourceOf(file: string): string {
  const known = sources.get(file)
  if (known !== undefined) return known
  const source = readFileSync(join(ROOT, file), 'utf8')
  sources.set(file, source)
  return source
}

/** A test file and the tests it imports: suites stand in files of their own. */
function filesOf(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found
  found.add(file)
  for (const [, path] of sourceOf(file).matchAll(/from '(\.[^']+)'/g)) {
    const imported = join(dirname(file), path as string)
    if (imported.startsWith('test/')) filesOf(imported, found)
  }
  return found
}

/** Patterns of the test names in a file; an interpolated part may be anything. */
function namePatterns(file: string): RegExp[] {
  const calls = [...filesOf(file)].flatMap((one) => [
    ...sourceOf(one).matchAll(/\btest\(\s*(?:'((?:\\.|[^'])*)'|"((?:\\.|[^"])*)"|`((?:\\.|[^`])*)`)/g),
  ])
  return calls.map(([, ...texts]) => {
    const parts = (texts.find((text) => text !== undefined) ?? '').split(/\$\{[^}]*\}/)
    return new RegExp(`^${parts.map((part) => RegExp.escape(part)).join('.+')}$`)
  })
}

t.test('every planted bug still applies, each of its edits at exactly one place', async (t) => {
  const obstacles = mutants.flatMap(({ name, edits }) =>
    edits.flatMap((edit) => {
      const why = obstacle(ROOT, edit)
      return why === null ? [] : [`${name}: ${why}`]
    }),
  )
  t.same(obstacles, [])
})

t.test('the test that has to catch a planted bug exists under its name', async (t) => {
  const patterns = new Map(mutants.map(({ caughtBy: [file] }) => [file, namePatterns(file)]))
  const missing = mutants.filter(({ caughtBy: [file, ...names] }) =>
    names.some((name) => !patterns.get(file)?.some((pattern) => pattern.test(name))),
  )
  t.same(
    missing.map(({ caughtBy }) => titleOf(caughtBy)),
    [],
  )
})

t.test('no two planted bugs have the same name, or the same edits', async (t) => {
  t.equal(new Set(mutants.map(({ name }) => name)).size, mutants.length)
  t.equal(new Set(mutants.map(({ edits }) => JSON.stringify(edits))).size, mutants.length)
  t.same(
    mutants.filter(({ edits }) => edits.some(([, from, to]) => from === to)),
    [],
  )
})

t.test('each of the classic bugs is planted', async (t) => {
  const planted = new Set(mutants.map(({ classic }) => classic))
  t.same(
    CLASSIC_BUGS.filter((bug) => !planted.has(bug)),
    [],
  )
})

t.test('a planted bug counts as caught only when the test named for it fails', async (t) => {
  const copy = new TreeCopy()
  t.teardown(() => copy.remove())
  const bug = mutants.find(({ name }) => name === 'a conflict is tried again') as Mutant
  const trial = (changed: Partial<Mutant>) => tryMutant(copy, { ...bug, ...changed })
  const harmless: Edit = ['src/kit/backoff.ts', 'export function backoffMs', '\nexport function backoffMs']
  const broken: Edit = ['src/kit/backoff.ts', 'export function backoffMs', 'export function (']
  t.match(await trial({}), { caught: true, told: /^caught by/ })
  t.match(await trial({ edits: [harmless] }), { caught: false, told: /^survived/ })
  t.match(await trial({ edits: [broken] }), { caught: false, told: /did not run/ }, 'what does not even parse')
  t.match(await trial({ caughtBy: [bug.caughtBy[0], 'no such test'] }), { caught: false, told: /did not run/ })
  const gone: Edit = ['src/kit/clock.ts', 'no such text', '']
  t.match(await trial({ edits: [...bug.edits, gone] }), { caught: false, told: /no longer applies/ })
  t.same(
    [...bug.edits, harmless].map((edit) => obstacle(copy.root, edit)),
    [...bug.edits, harmless].map(() => null),
    'and nothing stays planted',
  )
})
