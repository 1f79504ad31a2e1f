import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as waitMs } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { call, formula, post, startService } from '../../support/service-process.ts'
import { chance, sized } from '../extent.ts'
import { count } from '../figures.ts'
import { COMMIT_STRATEGIES, type CommitStrategy, filesIn } from '../stores.ts'

const KILLS = sized(2, 60)
/** Formulas of a cycle. */
const FORMULAS = 10

t.setTimeout(sized(110_000, 1_200_000))
t.jobs = 2

interface Shown {
  id: string
  name: string
}

/** The words of erased formulas that some file still has. */
function foundIn(folder: string, names: string[]): string[] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return files.flatMap(({ name, parentPath }) => {
    const bytes = readFileSync(join(parentPath, name)).toString('latin1').toLowerCase()
    return names.filter((one) => bytes.includes(one.toLowerCase())).map((one) => `${one} in ${name}`)
  })
}

async function received(url: string): Promise<Shown[]> {
  const { events } = await call<{ events: (Shown & { receipt: string })[] }>(url, '/events/receive', { max: 100 })
  const receipts = events.map(({ receipt }) => receipt)
  if (receipts.length > 0) await call(url, '/events/ack', { receipts })
  return events
}

/** Submits, erases all at once, and kills the service meanwhile. @returns the formulas, and those known to be erased */
async function eraseAndKill(t: Test, environment: Record<string, string>, cycle: number, killAfterMs: number) {
  const { url, kill } = await startService(t, environment)
  const list = Array.from({ length: FORMULAS }, (_, n) => {
    return formula(cycle * FORMULAS + n + 1, `Secret ${cycle} of ${String.fromCodePoint(97 + n).repeat(9)}`)
  })
  const { formulas } = (await (await post(url, `key ${cycle}`.replace(' ', '-'), list)).json()) as { formulas: Shown[] }
  const erased = new Set<string>()
  const erasing = formulas.map(async ({ id }) => {
    const answer = await fetch(`${url}/formulas/${id}`, { method: 'DELETE' }).catch(() => null)
    if (answer?.status === 204) erased.add(id)
  })
  await waitMs(killAfterMs)
  await kill('SIGKILL')
  await Promise.all(erasing)
  return { formulas, erased }
}

async function cycleOf(t: Test, folder: string, strategy: CommitStrategy, cycle: number, killAfterMs: number) {
  const environment = filesIn(folder, strategy)
  const { formulas, erased } = await eraseAndKill(t, environment, cycle, killAfterMs)
  const { url, kill } = await startService(t, environment)
  const problems: string[] = []
  const events = await received(url)
  for (const { id, name } of formulas) {
    const isThere = (await fetch(`${url}/formulas/${id}`)).status === 200
    const hasEvent = events.some((event) => event.id === id)
    if (isThere !== hasEvent) problems.push(`${name}: formula ${isThere}, event ${hasEvent}`)
    if (isThere && erased.has(id)) problems.push(`${name} was erased and is there`)
  }
  const { cleanups } = await call<{ cleanups: unknown[] }>(url, '/cleanups')
  if (cleanups.length > 0) problems.push(`${cleanups.length} erasures are still owed`)
  const gone = formulas.filter(({ id }) => erased.has(id)).map(({ name }) => name)
  problems.push(...foundIn(folder, gone))
  await Promise.all(formulas.map(({ id }) => fetch(`${url}/formulas/${id}`, { method: 'DELETE' })))
  problems.push(
    ...foundIn(
      folder,
      formulas.map(({ name }) => name),
    ),
  )
  await kill('SIGKILL')
  return { problems, isBetween: erased.size < formulas.length }
}

for (const strategy of COMMIT_STRATEGIES) {
  t.test(
    `${strategy}: killed at any moment of erasures, formula and event go together, and no file keeps them`,
    { buffered: true },
    async (t) => {
      const folder = t.testdir()
      const { integer } = chance(strategy === 'saga' ? 77 : 7)
      let between = 0
      for (let cycle = 1; cycle <= KILLS && t.passing(); cycle++) {
        const { problems, isBetween } = await cycleOf(t, folder, strategy, cycle, integer(1, 60))
        t.same(problems, [], `cycle ${cycle}`)
        if (isBetween) between++
      }
      count(strategy === 'saga' ? 'killsSaga' : 'killsOneTransaction', KILLS)
      t.ok(between > 0, 'kills come before all are erased')
    },
  )
}
