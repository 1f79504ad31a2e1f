import { type Test, test } from 'tap'
import { StoreUnavailable } from '../../src/errors/store-errors.ts'
import type { Stores } from '../../src/stores/ports.ts'
import { DAY_MS } from '../contract/open-stores.ts'
import { COMMIT_STRATEGIES, memoryStores } from '../faults/stores.ts'
import { errorOf, formula, formulasOf, type Service, startService } from '../support/http/service.ts'
import { TestClock } from '../support/test-clock.ts'

const UNKNOWN = 'f'.repeat(64)

async function start(t: Test, strategy: (typeof COMMIT_STRATEGIES)[number], change = (_: Stores) => {}) {
  const clock = new TestClock()
  const stores = memoryStores(strategy, { clock, answerTtlMs: DAY_MS, maxReceives: 1 })
  change(stores)
  const service = await startService(t, { IDEMPOTENCY_WAIT_MS: '1', SUBMIT_DEADLINE_MS: '1000' }, { clock, stores })
  const erase = (id: string) => service.send({ method: 'DELETE', url: `/formulas/${id}` })
  return { ...service, clock, stores, erase }
}

async function idOf(service: Service, number: number, key = `key ${number}`): Promise<string> {
  const [one] = formulasOf(await service.submit(formula(number), { key: `"${key}"` }))
  return one?.id ?? ''
}

for (const strategy of COMMIT_STRATEGIES) {
  test(`${strategy}: an erased formula is shown nowhere, and its answers are 410 as a whole`, async (t) => {
    const service = await start(t, strategy)
    const id = await idOf(service, 1)
    const other = await idOf(service, 2)
    const skipping = [[formula(2), formula(1)], { key: 'skipping', query: '?onDuplicate=skip' }] as const
    await service.submit(...skipping)
    const known = await service.submit(formula(1), { key: 'known' })
    // The second is replayed from the store, the third from memory.
    for (let replay = 0; replay < 3; replay++) await idOf(service, 1)
    await service.post('/events/receive', { max: 1 })
    const erased = await service.erase(id)
    t.same([erased.statusCode, erased.body], [204, ''])
    errorOf(t, await service.get(`/formulas/${id}`), 404, 'FORMULA_NOT_FOUND')
    t.same(
      formulasOf(await service.get('/formulas')).map((one) => one.id),
      [other],
    )
    errorOf(t, await service.submit(formula(1), { key: '"key 1"' }), 410, 'FORMULA_ERASED')
    errorOf(t, await service.submit(formula(3), { key: '"key 1"' }), 422, 'IDEMPOTENCY_KEY_REUSED')
    errorOf(t, await service.submit(...skipping), 410, 'FORMULA_ERASED')
    t.equal((await service.submit(formula(1), { key: 'known' })).body, known.body, 'a kept 409 has ids only')
    t.match((await service.get('/events/stats')).json(), { ready: 1, leased: 0 })
    t.same((await service.get('/cleanups')).json(), { cleanups: [] })
    errorOf(t, await service.erase(id), 404, 'FORMULA_NOT_FOUND')
  })

  test(`${strategy}: an erased composition is accepted anew, with a new event`, async (t) => {
    const service = await start(t, strategy)
    const id = await idOf(service, 1)
    await service.post('/events/receive')
    t.equal((await service.erase(id)).statusCode, 204)
    t.equal(await idOf(service, 1, 'again'), id)
    t.match((await service.post('/events/receive')).json().events, [{ id, receiveCount: 1 }])
  })

  test(`${strategy}: what is not there cannot be erased`, async (t) => {
    const service = await start(t, strategy)
    for (const id of [UNKNOWN, 'x', UNKNOWN.toUpperCase()]) {
      errorOf(t, await service.erase(id), 404, 'FORMULA_NOT_FOUND')
    }
  })
}

test('an erasure that a store fails is owed: it is listed, holds its composition, and goes on by itself', async (t) => {
  let isDown = false
  const service = await start(t, 'saga', ({ queue }) => {
    const erase = queue.erase.bind(queue)
    queue.erase = (id, seq) => (isDown ? Promise.reject(new StoreUnavailable('down')) : erase(id, seq))
  })
  const id = await idOf(service, 1)
  isDown = true
  const refused = await service.erase(id)
  errorOf(t, refused, 503, 'STORE_UNAVAILABLE')
  t.ok(Number(refused.headers['retry-after']) > 0)
  errorOf(t, await service.get(`/formulas/${id}`), 404, 'FORMULA_NOT_FOUND')
  t.match((await service.get('/cleanups')).json(), { cleanups: [{ formulaIds: [id], reason: 'down', attempts: 1 }] })
  errorOf(t, await service.erase(id), 503, 'STORE_UNAVAILABLE')
  isDown = false
  t.equal((await service.erase(id)).statusCode, 204, 'the same call joins the erasure that is owed')
  errorOf(t, await service.erase(id), 404, 'FORMULA_NOT_FOUND')
  t.same((await service.get('/cleanups')).json(), { cleanups: [] })
})

test('an owed erasure is worked off in the background, and can be hurried on', async (t) => {
  let isDown = true
  const service = await start(t, 'saga', ({ queue }) => {
    const erase = queue.erase.bind(queue)
    queue.erase = (id, seq) => (isDown ? Promise.reject(new StoreUnavailable('down')) : erase(id, seq))
  })
  const id = await idOf(service, 1)
  await service.erase(id)
  isDown = false
  const [cleanup] = (await service.get('/cleanups')).json().cleanups
  t.equal((await service.post(`/cleanups/${cleanup.id}/retry`)).statusCode, 202)
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
  t.same((await service.get('/cleanups')).json(), { cleanups: [] })
  t.match((await service.get('/events/stats')).json(), { ready: 0 })
  t.equal(await idOf(service, 1, 'again'), id)
})

test('a submission whose events are not released is finished before its formula is erased', async (t) => {
  let isDown = true
  const service = await start(t, 'saga', ({ queue }) => {
    const release = queue.release.bind(queue)
    queue.release = (...args) => (isDown ? Promise.reject(new StoreUnavailable('down')) : release(...args))
  })
  const [one, two] = formulasOf(await service.submit([formula(1), formula(2)]))
  errorOf(t, await service.erase(one?.id ?? ''), 503, 'STORE_UNAVAILABLE')
  isDown = false
  t.equal((await service.erase(one?.id ?? '')).statusCode, 204)
  t.match((await service.post('/events/receive', { max: 10 })).json().events, [{ id: two?.id }])
  t.match((await service.get('/events/stats')).json(), { ready: 0, leased: 1 })
})
