import { type Test, test } from 'tap'
import { StoreUnavailable } from '../../src/errors/store-errors.ts'
import { startGuarded } from '../support/http/keys.ts'
import {
  type Answer,
  type Client,
  errorOf,
  formulasOf,
  type Service,
  type ShownFormula,
  startService,
} from '../support/http/service.ts'
import { newKey } from '../support/new-key.ts'
import { hold, memoryStores, unavailable } from './fixtures.ts'

const parent = {
  name: 'Rose Garden',
  materials: [
    { name: 'Rose Absolute', concentration: '12.5' },
    { name: 'Jasmine', concentration: '0.2' },
  ],
  metadata: { client: 'Maison Verte' },
}

const moreJasmine = { name: 'Rose Garden II', changes: [{ material: 'Jasmine', add: '0.1' }] }

let keys = 0

const derive = ({ send }: Client, id: string, body: object | string = moreJasmine, key = `derive-${++keys}`) =>
  send({
    method: 'POST',
    url: `/formulas/${id}/derive`,
    headers: { 'idempotency-key': key, 'content-type': 'application/json' },
    payload: typeof body === 'string' ? body : JSON.stringify(body),
  })

async function withParent(t: Test) {
  const service = await startService(t)
  const [{ id }] = formulasOf(await service.submit(parent)) as [ShownFormula]
  return { ...service, id }
}

const erase = ({ send }: Service, id: string): Promise<Answer> => send({ method: 'DELETE', url: `/formulas/${id}` })

const isReplay = ({ headers }: Answer): boolean => headers['idempotent-replayed'] === 'true'

test('a derived formula is answered as a submitted one, and names its parent', async (t) => {
  const { id, ...service } = await withParent(t)
  const answer = await derive(service, id)
  t.equal(answer.statusCode, 200)
  const [stored] = formulasOf(answer)
  t.same(Object.keys(stored ?? {}), ['id', 'name', 'materials', 'createdAt', 'derivedFrom'])
  t.match(stored, {
    name: 'Rose Garden II',
    materials: [parent.materials[0], { name: 'Jasmine', concentration: '0.3' }],
    derivedFrom: id,
  })
  t.equal(answer.headers.location, `/formulas/${stored?.id}`)
  t.equal(isReplay(answer), false)
  t.same((await service.get(`/formulas/${stored?.id}`)).json(), stored)
  const { events } = (await service.post('/events/receive', { max: 10 })).json()
  t.same(
    events.map(({ name }: { name: string }) => name),
    ['Rose Garden', 'Rose Garden II'],
  )
})

test('a derived formula is the one that its composition would be if it was submitted', async (t) => {
  const { id, ...service } = await withParent(t)
  const known = await service.submit({
    name: 'By hand',
    materials: [
      { name: 'jasmine', concentration: '.3' },
      { name: 'rose absolute', concentration: 12.5 },
    ],
  })
  const { details } = errorOf(t, await derive(service, id), 409, 'FORMULA_EXISTS')
  t.match(details, [{ path: '', code: 'FORMULA_EXISTS', id: formulasOf(known)[0]?.id }])
})

test('metadata is the one of the request', async (t) => {
  const { id, ...service } = await withParent(t)
  const answer = await derive(service, id, { ...moreJasmine, metadata: { order: '7' } })
  t.same(answer.json().formulas[0].metadata, { order: '7' })
})

test('a repeated derivation is replayed byte for byte, also in another spelling, and stored once', async (t) => {
  const { id, ...service } = await withParent(t)
  const first = await derive(service, id, moreJasmine, 'k')
  const spelt = '{"changes":[{"add":0.10,"material":" Jasmine"}],"metadata":{},"name":"Rose Garden II "}'
  for (const body of [moreJasmine, moreJasmine, spelt]) {
    const again = await derive(service, id, body, 'k')
    t.equal(again.body, first.body)
    t.equal(again.headers.location, first.headers.location)
    t.equal(isReplay(again), true)
  }
  t.equal((await service.get('/formulas')).json().formulas.length, 2)
})

test('a key is one for submissions and derivations', async (t) => {
  const { id, ...service } = await withParent(t)
  const other = { name: 'Other', materials: [{ name: 'Iris', concentration: 1 }] }
  await service.submit(other, { key: 'submitted' })
  errorOf(t, await derive(service, id, moreJasmine, 'submitted'), 422, 'IDEMPOTENCY_KEY_REUSED')
  const derived = await derive(service, id, moreJasmine, 'derived')
  errorOf(t, await service.submit(other, { key: 'derived' }), 422, 'IDEMPOTENCY_KEY_REUSED')
  errorOf(t, await derive(service, id, { ...moreJasmine, scale: 2 }, 'derived'), 422, 'IDEMPOTENCY_KEY_REUSED')
  const [child] = formulasOf(derived)
  errorOf(t, await derive(service, child?.id ?? '', moreJasmine, 'derived'), 422, 'IDEMPOTENCY_KEY_REUSED')
})

test('replay and reuse come before the parent: also after that was erased', async (t) => {
  const { id, ...service } = await withParent(t)
  const first = await derive(service, id, moreJasmine, 'k')
  await erase(service, id)
  const again = await derive(service, id, moreJasmine, 'k')
  t.equal(again.body, first.body)
  t.equal(isReplay(again), true)
  errorOf(t, await derive(service, id, { ...moreJasmine, scale: 2 }, 'k'), 422, 'IDEMPOTENCY_KEY_REUSED')
  errorOf(t, await derive(service, 'f'.repeat(64), moreJasmine, 'k'), 422, 'IDEMPOTENCY_KEY_REUSED')
  errorOf(t, await derive(service, id), 404, 'FORMULA_NOT_FOUND')
})

test('reuse comes before what is wrong with the changes', async (t) => {
  const { id, ...service } = await withParent(t)
  await service.submit({ name: 'Other', materials: [{ name: 'Iris', concentration: 1 }] }, { key: 'k' })
  const unknown = { name: 'a', changes: [{ material: 'Neroli', add: 1 }] }
  errorOf(t, await derive(service, id, unknown, 'k'), 422, 'IDEMPOTENCY_KEY_REUSED')
  errorOf(t, await derive(service, id, { name: 'a' }, 'k'), 400, 'CHANGES_INVALID')
})

test('a derived formula that was erased is a 410 on replay', async (t) => {
  const { id, ...service } = await withParent(t)
  const [child] = formulasOf(await derive(service, id, moreJasmine, 'k'))
  await erase(service, child?.id ?? '')
  errorOf(t, await derive(service, id, ` ${JSON.stringify(moreJasmine)}`, 'k'), 410, 'FORMULA_ERASED')
})

test('after a refusal the key is free, and nothing was stored', async (t) => {
  const { id, ...service } = await withParent(t)
  const unknown = { name: 'a', changes: [{ material: 'Neroli', add: 1 }] }
  const refused = errorOf(t, await derive(service, id, unknown, 'k'), 400, 'MATERIAL_NOT_IN_FORMULA')
  t.match(refused.details, [{ path: '/changes/0', code: 'MATERIAL_NOT_IN_FORMULA' }])
  for (const missing of ['f'.repeat(64), 'nothing', id.toUpperCase()]) {
    errorOf(t, await derive(service, missing, moreJasmine, 'k'), 404, 'FORMULA_NOT_FOUND')
  }
  t.equal((await service.get('/formulas')).json().formulas.length, 1)
  t.equal((await derive(service, id, moreJasmine, 'k')).statusCode, 200)
})

test('twins at the same time are stored once, and all get the answer', async (t) => {
  const { id, ...service } = await withParent(t)
  const answers = await Promise.all(Array.from({ length: 20 }, () => derive(service, id, moreJasmine, 'k')))
  t.same(new Set(answers.map(({ statusCode, body }) => `${statusCode} ${body}`)).size, 1)
  t.equal(answers.filter(isReplay).length, 19)
  t.equal((await service.get('/formulas')).json().formulas.length, 2)
})

test('a repeat whose parent was erased meanwhile waits for the one that runs', async (t) => {
  const stores = memoryStores()
  const service = await startService(t, {}, { stores })
  const [{ id }] = formulasOf(await service.submit(parent)) as [ShownFormula]
  const { entered, release } = hold(stores)
  const first = derive(service, id, moreJasmine, 'k')
  await entered
  await erase(service, id)
  const second = derive(service, id, moreJasmine, 'k')
  setImmediate(release)
  t.equal((await first).statusCode, 200)
  t.equal((await second).body, (await first).body)
  t.equal(isReplay(await second), true)
})

test('while the parent cannot be read nothing is known to be accepted, but replays go on', async (t) => {
  const stores = memoryStores()
  const service = await startService(t, {}, { stores })
  const [{ id }] = formulasOf(await service.submit(parent)) as [ShownFormula]
  const first = await derive(service, id, moreJasmine, 'k')
  const { get } = stores.db
  stores.db.get = unavailable
  t.equal((await derive(service, id, ` ${JSON.stringify(moreJasmine)}`, 'k')).body, first.body)
  const answer = await derive(service, id, { name: 'a', scale: 2 }, 'other')
  errorOf(t, answer, 503, 'SUBMISSION_FAILED')
  t.equal(answer.headers['retry-after'], '1')
  stores.db.get = get
  t.equal((await derive(service, id, { name: 'a', scale: 2 }, 'other')).statusCode, 200)
})

test('a refusal does not count while the key cannot be looked up', async (t) => {
  const stores = memoryStores()
  const service = await startService(t, {}, { stores })
  stores.idempotency.find = () => Promise.reject(new StoreUnavailable('the disk is full'))
  errorOf(t, await derive(service, 'nothing'), 503, 'SUBMISSION_FAILED')
})

test('what was derived from a formula is found by its id, also when that formula is erased', async (t) => {
  const { id, ...service } = await withParent(t)
  const [{ id: child }] = formulasOf(await derive(service, id)) as [ShownFormula]
  await derive(service, child, { name: 'Rose Garden III', scale: 2 })
  const childrenOf = async (parent: string) =>
    formulasOf(await service.get(`/formulas?derivedFrom=${parent}`)).map(({ name }) => name)
  t.same(await childrenOf(id), ['Rose Garden II'])
  t.same(await childrenOf(child), ['Rose Garden III'])
  t.equal((await service.send({ method: 'DELETE', url: `/formulas/${id}` })).statusCode, 204)
  t.same(await childrenOf(id), ['Rose Garden II'])
  for (const none of ['', 'rose', 'undefined']) t.same(await childrenOf(none), [])
})

test('a derivation needs both scopes, and is told the one that is missing', async (t) => {
  const { path, app, as, submitter, reader, admin } = await startGuarded(t)
  const both = newKey(path, 'both', 'submit,read')
  app.apiKeys?.reload()
  const [{ id }] = formulasOf(await submitter.submit(parent)) as [ShownFormula]
  const missing = [
    [submitter, 'read'],
    [reader, 'submit'],
  ] as const
  for (const [client, scope] of missing) {
    const { details } = errorOf(t, await derive(client, id), 403, 'FORBIDDEN')
    t.match(details, [{ message: `The API key needs the scope ${scope}` }])
  }
  const answer = await derive(as(both), id, moreJasmine, 'k')
  t.match(answer.json().formulas, [{ submittedBy: 'both', derivedFrom: id }])
  t.equal(
    (await derive(admin, id, { name: 'a', scale: 2 }, 'k')).statusCode,
    200,
    'the key of another caller is another',
  )
})

test('a query is refused', async (t) => {
  const { id, send } = await withParent(t)
  const headers = { 'idempotency-key': 'k', 'content-type': 'application/json' }
  const url = `/formulas/${id}/derive?onDuplicate=skip`
  errorOf(
    t,
    await send({ method: 'POST', url, headers, payload: JSON.stringify(moreJasmine) }),
    400,
    'VALIDATION_FAILED',
  )
})
