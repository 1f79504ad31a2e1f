import { type Test, test } from 'tap'
import type { ReceivedEvent } from '../../src/outbox/message.ts'
import type { Stores } from '../../src/stores/ports.ts'
import { eraseFormula } from '../contract/submissions.ts'
import {
  type Answer,
  errorOf,
  formula,
  type Service,
  type ShownFormula,
  startService,
} from '../support/http/service.ts'
import { TestClock } from '../support/test-clock.ts'
import { memoryStores, unavailable } from './fixtures.ts'

const MIB = 2 ** 20

type WithFormula = ReceivedEvent & { formula: ShownFormula | null }
const eventsOf = (answer: Answer): WithFormula[] => answer.json().events

const receive = ({ post }: Pick<Service, 'post'>, more: object = {}) =>
  post('/events/receive', { max: 100, include: ['formula'], ...more })

async function start(t: Test, change: (stores: Stores) => void = () => {}) {
  const clock = new TestClock()
  const stores = memoryStores(clock)
  change(stores)
  return { ...(await startService(t, { BODY_LIMIT_BYTES: String(8 * MIB) }, { clock, stores })), stores }
}

/** A formula whose document has about `bytes` bytes. */
const large = (number: number, bytes: number) => ({
  name: `Formula ${number}`,
  materials: Array.from({ length: 500 }, (_, index) => ({
    name: `${index}${'\u8349'.repeat(Math.min(490, Math.floor(bytes / 1500)))}`,
    concentration: number,
  })),
})

test('with include each event has its formula, byte for byte as it is read elsewhere', async (t) => {
  const service = await start(t)
  await service.submit([formula(1, 'Caf\u00e9 "x"'), formula(2)])
  const answer = await receive(service)
  t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  const events = eventsOf(answer)
  const [first] = events
  t.same(Object.keys(first ?? {}), [
    ...['id', 'name', 'createdAt', 'receipt', 'receiveCount', 'leasedUntil', 'formula'],
  ])
  t.equal(events.length, 2)
  for (const { id } of events) t.ok(answer.body.includes(`"formula":${(await service.get(`/formulas/${id}`)).body}}`))
  t.same((await receive(service)).json(), { events: [] })
})

test('without include there is no formula', async (t) => {
  const service = await start(t)
  await service.submit(formula(1))
  const [event] = eventsOf(await receive(service, { include: [] }))
  t.notOk('formula' in (event ?? {}))
})

test('an answer ends at 4 MiB; the events beyond are the next to be received, and that one did not count', async (t) => {
  const service = await start(t)
  for (const number of [1, 2, 3, 4, 5, 6, 7]) await service.submit(large(number, 0.7 * MIB))
  const first = await receive(service)
  t.ok(Buffer.byteLength(first.body) <= 4 * MIB)
  const names = eventsOf(first).map(({ name }) => name)
  t.ok(names.length > 3 && names.length < 7, `${names.length}`)
  t.match((await service.get('/events/stats')).json(), { ready: 7 - names.length, leased: names.length })
  const second = eventsOf(await receive(service))
  t.same(
    [...names, ...second.map(({ name }) => name)],
    [1, 2, 3, 4, 5, 6, 7].map((number) => `Formula ${number}`),
  )
  for (const { receiveCount } of second) t.equal(receiveCount, 1)
})

test('when the formulas cannot be read the events stay ready, and no receive counts', async (t) => {
  let isDown = true
  const service = await start(t, ({ db }) => {
    const getPage = db.getPage.bind(db)
    db.getPage = (ids) => (isDown ? unavailable() : getPage(ids))
  })
  await service.submit(formula(1))
  errorOf(t, await receive(service), 503, 'STORE_UNAVAILABLE')
  t.match((await service.get('/events/stats')).json(), { ready: 1, leased: 0 })
  isDown = false
  t.match(eventsOf(await receive(service)), [{ receiveCount: 1, formula: { name: 'Formula 1' } }])
})

test('a formula that has been erased is null, also where it was submitted again', async (t) => {
  const service = await start(t)
  const { db } = service.stores
  await service.submit([formula(1), formula(2)])
  for (const { id } of (await service.get('/formulas')).json().formulas) await eraseFormula(db, id)
  await service.submit(formula(2))
  t.match(eventsOf(await receive(service)), [
    { name: 'Formula 1', formula: null },
    { name: 'Formula 2', formula: null },
    { name: 'Formula 2', formula: { name: 'Formula 2' } },
  ])
})
