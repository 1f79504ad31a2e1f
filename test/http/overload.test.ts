import { test } from 'tap'
import { errorOf, formula, startService } from '../support/http/service.ts'
import { until } from '../support/until.ts'
import { holdingStores, memoryStores, unavailable } from './fixtures.ts'

const KEY = { key: 'one-too-many' }
const list = (first: number) => Array.from({ length: 1_000 }, (_, index) => formula(first + index))

test('past 4,096 submissions under way, further ones get 503 before they are read, until some have ended', async (t) => {
  const { stores, release } = holdingStores()
  const { submit, app } = await startService(t, {}, { stores })
  const waiting = Array.from({ length: 4_096 }, (_, number) => submit(formula(number + 1)))
  while (app.orchestrator.load.submissions < 4_096) await new Promise((resolve) => setImmediate(resolve))
  const refused = await submit('{ no JSON', KEY)
  errorOf(t, refused, 503, 'SERVICE_OVERLOADED')
  t.equal(refused.headers['retry-after'], '1')
  t.equal((await app.inject('/formulas')).statusCode, 200, 'reading goes on')
  release()
  const statuses = (await Promise.all(waiting)).map(({ statusCode }) => statusCode)
  t.same(new Set(statuses), new Set([200]), 'what was taken in is stored')
  t.equal((await submit(formula(50_000), KEY)).statusCode, 200, 'and the key was not used')
  t.same(app.orchestrator.load, { submissions: 0, formulas: 0 })
})

test('lists count by their formulas', async (t) => {
  const { stores, release } = holdingStores()
  const { submit, app } = await startService(t, {}, { stores })
  const waiting = Array.from({ length: 66 }, (_, number) => submit(list(number * 1_000 + 1)))
  while (app.orchestrator.load.submissions < 66) await new Promise((resolve) => setImmediate(resolve))
  errorOf(t, await submit(formula(0.5)), 503, 'SERVICE_OVERLOADED')
  release()
  await Promise.all(waiting)
  t.equal((await submit(formula(0.5))).statusCode, 200)
})

test('submissions whose rollbacks are owed stay under way, until a store that was away is back', async (t) => {
  const stores = memoryStores()
  const { giveUp } = stores.intake
  Object.assign(stores.intake, { accept: unavailable, giveUp: unavailable })
  const env = { SUBMIT_RETRIES: '1', SUBMIT_RETRY_MAX_MS: '50' }
  const { submit, get, app } = await startService(t, env, { stores })
  const failed = await Promise.all(Array.from({ length: 66 }, (_, number) => submit(list(number * 1_000 + 1))))
  for (const answer of failed) errorOf(t, answer, 503, 'SUBMISSION_FAILED')
  t.same(app.orchestrator.load, { submissions: 66, formulas: 66_000 })
  errorOf(t, await submit('{ no JSON'), 503, 'SERVICE_OVERLOADED')
  t.equal((await get('/cleanups')).json().cleanups.length, 66)
  stores.intake.giveUp = giveUp
  await until(() => app.orchestrator.load.submissions === 0)
  t.same(app.orchestrator.load, { submissions: 0, formulas: 0 })
  errorOf(t, await submit('{ no JSON'), 400, 'INVALID_JSON')
})
