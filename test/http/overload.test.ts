import { test } from 'tap'
import { systemClock } from '../../src/kit/clock.ts'
import type { Intake } from '../../src/stores/ports.ts'
import { openMemory } from '../../src/stores/sqlite/memory.ts'
import { errorOf, formula, startService } from '../support/http/service.ts'

/** Stores whose intake waits until it is let go on. */
function slowStores() {
  const stores = openMemory({ clock: systemClock, answerTtlMs: 3_600_000, maxReceives: 5 })
  const { promise, resolve } = Promise.withResolvers<void>()
  const accept: Intake['accept'] = async (...args) => {
    await promise
    return stores.intake.accept(...args)
  }
  const intake: Intake = { accept, giveUp: (id) => stores.intake.giveUp(id) }
  return { stores: { ...stores, intake }, goOn: resolve }
}

const KEY = { key: 'one-too-many' }
const list = (first: number) => Array.from({ length: 1_000 }, (_, index) => formula(first + index))

test('past 4,096 submissions under way, further ones get 503 before they are read, until some have ended', async (t) => {
  const { stores, goOn } = slowStores()
  const { submit, app } = await startService(t, {}, { stores })
  const waiting = Array.from({ length: 4_096 }, (_, number) => submit(formula(number + 1)))
  while (app.orchestrator.load.submissions < 4_096) await new Promise((resolve) => setImmediate(resolve))
  const refused = await submit('{ no JSON', KEY)
  errorOf(t, refused, 503, 'SERVICE_OVERLOADED')
  t.equal(refused.headers['retry-after'], '1')
  t.equal((await app.inject('/formulas')).statusCode, 200, 'reading goes on')
  goOn()
  const statuses = (await Promise.all(waiting)).map(({ statusCode }) => statusCode)
  t.same(new Set(statuses), new Set([200]), 'what was taken in is stored')
  t.equal((await submit(formula(50_000), KEY)).statusCode, 200, 'and the key was not used')
  t.same(app.orchestrator.load, { submissions: 0, formulas: 0 })
})

test('lists count by their formulas', async (t) => {
  const { stores, goOn } = slowStores()
  const { submit, app } = await startService(t, {}, { stores })
  const waiting = Array.from({ length: 66 }, (_, number) => submit(list(number * 1_000 + 1)))
  while (app.orchestrator.load.submissions < 66) await new Promise((resolve) => setImmediate(resolve))
  errorOf(t, await submit(formula(0.5)), 503, 'SERVICE_OVERLOADED')
  goOn()
  await Promise.all(waiting)
  t.equal((await submit(formula(0.5))).statusCode, 200)
})
