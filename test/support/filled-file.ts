import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { lease, receiptsOf } from '../contract/leasing.ts'
import { DAY_MS } from '../contract/open-stores.ts'
import { formula, submission, traced } from '../contract/submissions.ts'
import { openInProcess } from './sqlite-in-process.ts'
import { TestClock } from './test-clock.ts'

export const OPTIONS = { answerTtlMs: DAY_MS, maxReceives: 2 }

/** How many formulas there are, and how many of their events still. */
export const FORMULAS = 2_500

/**
 * A SQLite file with more formulas than a page holds, a list among them, a refused submission, an answer that has
 * expired, and events in every state, some of them traced: the first is done, then one each is dead, leased, delayed and
 * back at the front.
 */
export async function filledFile(t: Test) {
  filled ??= fill(join(t.testdir(), 'filled.db'))
  const { file, end, ...submissions } = await filled
  const path = join(t.testdir(), 'formulas.db')
  writeFileSync(path, file)
  return { path, clock: new TestClock(end), ...submissions }
}

/** Filled once: it takes longer than most tests of it. */
let filled: ReturnType<typeof fill> | undefined

async function fill(path: string) {
  const clock = new TestClock()
  const { intake, queue, close } = openInProcess(path, { clock, ...OPTIONS })
  const expired = submission([formula('expired', '999999')])
  await intake.accept(expired)
  await queue.ack(receiptsOf(await lease(queue)))
  clock.advance(DAY_MS)
  const list = submission([formula('first', '1'), formula('Ｓｅｃｏｎｄ 🌹', '2')].map(traced))
  await intake.accept(list)
  const rest = Array.from({ length: FORMULAS - 3 }, (_, n) => {
    const rose = formula(`Rose ${n}`, `${n + 3}`)
    return submission([n % 50 === 0 ? traced(rose) : rose])
  })
  await Promise.all(rest.map((one) => intake.accept(one)))
  const refused = submission([formula('again', '1')])
  await intake.accept(refused)
  for (let round = 0; round < 2; round++) {
    const [receipt = ''] = receiptsOf(await lease(queue, 1))
    await queue.nack([receipt], 0)
  }
  const [, delayed = '', back = ''] = receiptsOf(await lease(queue, 3))
  await queue.nack([delayed], 60_000)
  await queue.nack([back], 0)
  await close()
  return { file: readFileSync(path), end: clock.now(), list, refused, expired }
}
