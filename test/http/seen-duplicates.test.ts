import { setImmediate as settle } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { startGuarded } from '../support/http/keys.ts'
import { formula, formulasOf, type ShownFormula, startService } from '../support/http/service.ts'
import { newKey } from '../support/new-key.ts'
import { TestClock } from '../support/test-clock.ts'
import { memoryStores } from './fixtures.ts'

const SKIP = '?onDuplicate=skip'
const MIB = 2 ** 20

/** A formula whose name holds what an answer's text is made of. */
const awkward = (number: number) => formula(number, '"},{"id":"x","outcome":"duplicate"},{"id":"')

/** A guarded service whose formulas 1 and 2 another caller has submitted. */
async function withStored(t: Test) {
  const service = await startGuarded(t)
  const { path, app, as } = service
  const [lab, both] = [newKey(path, 'lab', 'submit'), newKey(path, 'both', 'submit,read')]
  app.apiKeys?.reload()
  const stored = formulasOf(await service.submitter.submit([formula(1, 'Secret project'), awkward(2)]))
  return { ...service, lab: as(lab), both: as(both), stored }
}

const briefs = (stored: { id: string }[]) => stored.map(({ id }) => ({ id, outcome: 'duplicate' }))
const shown = (stored: ShownFormula[]) => stored.map((entry) => ({ ...entry, outcome: 'duplicate' }))

test('who may not read learns of a duplicate its id alone, with onDuplicate=skip', async (t) => {
  const { lab, stored } = await withStored(t)
  const answer = await lab.submit([formula(1), awkward(3), awkward(2), formula(3, 'twin')], { query: SKIP })
  const [first, added, second, twin] = formulasOf(answer)
  t.same([first, second], briefs(stored))
  t.match(added, { name: awkward(3).name, materials: [{ name: 'Linalool', concentration: '3' }], outcome: 'added' })
  t.same(twin, { id: added?.id, outcome: 'duplicate' }, 'also of a twin in its own list')
  t.notMatch(answer.body, 'Secret')
  const own = await lab.submit(awkward(3), { query: SKIP })
  t.same(formulasOf(own), [{ id: added?.id, outcome: 'duplicate' }], 'and of one of its own')
})

test('what was added is written to all as it is stored, byte for byte', async (t) => {
  const { lab, admin, stored } = await withStored(t)
  const { body } = await lab.submit([awkward(5), formula(1)], { query: SKIP })
  const added = (await admin.get(`/formulas/${JSON.parse(body).formulas[0].id}`)).body
  const known = `{"id":"${stored[0]?.id}","outcome":"duplicate"}`
  t.equal(body, `{"message":"Formula(s) added!","formulas":[${added.slice(0, -1)},"outcome":"added"},${known}]}`)
})

test('a caller who may read sees the stored formulas', async (t) => {
  const { both, admin, stored } = await withStored(t)
  for (const client of [both, admin]) {
    const answer = await client.submit([formula(1), awkward(2)], { query: SKIP })
    t.same(formulasOf(answer), shown(stored))
  }
})

test('a replay shows what the caller may see at that time, from memory and from the store', async (t) => {
  const { path, app, lab, as, stored } = await withStored(t)
  const send = (client: typeof lab, blank = '') =>
    client.submit(`${blank}${JSON.stringify([formula(1), awkward(2)])}`, { key: 'k', query: SKIP })
  const first = await send(lab)
  t.same(formulasOf(first), briefs(stored))
  const reader = as(newKey(path, 'lab', 'submit,read'))
  app.apiKeys?.reload()
  const replays = { statusCode: 200, headers: { 'idempotent-replayed': 'true' } }
  for (const blank of ['', ' ']) {
    t.match(await send(lab, blank), { ...replays, body: first.body })
    const full = await send(reader, blank)
    t.match(full, replays)
    t.same(formulasOf(full), shown(stored))
  }
})

test('a submission that waits on its idempotency key is answered by the scopes of its own API key', async (t) => {
  const { path, app, both, as, stored } = await withStored(t)
  const writer = as(newKey(path, 'both', 'submit'))
  app.apiKeys?.reload()
  const { submit } = app.orchestrator
  const go = Promise.withResolvers<void>()
  app.orchestrator.submit = async (request) => {
    const running = submit.call(app.orchestrator, request)
    await go.promise
    return running
  }
  const send = (client: typeof both) => client.submit([formula(1), awkward(2)], { key: 'k', query: SKIP })
  const answers = Promise.all([send(both), send(writer)])
  await settle()
  go.resolve()
  const [full, brief] = await answers
  t.same(formulasOf(full), shown(stored))
  t.same(formulasOf(brief), briefs(stored))
})

test('without keys everyone reads', async (t) => {
  const { submit } = await startService(t)
  const [stored] = formulasOf(await submit(formula(1)))
  t.same(formulasOf(await submit(formula(1, 'q'), { query: SKIP })), [{ ...stored, outcome: 'duplicate' }])
})

/** A formula of some 90 kB as it is stored; the same composition can be asked for with half of it. */
function long(number: number, blank: string) {
  const name = (index: number) => `${'Rose'.repeat(5)}${blank.repeat(55)}${index}`
  const materials = Array.from({ length: 400 }, (_, index) => ({ name: name(index), concentration: number }))
  return { name: `Long ${number}`, materials }
}

test('once an answer has 4 MiB of formulas further duplicates are told by their ids, on replay too', async (t) => {
  const clock = new TestClock()
  const stores = memoryStores(clock)
  const { submit } = await startService(t, { BODY_LIMIT_BYTES: String(64 * MIB) }, { clock, stores })
  const numbers = Array.from({ length: 80 }, (_, index) => index + 1)
  const stored = formulasOf(await submit(numbers.map((number) => long(number, '\u3000'))))
  t.ok(JSON.stringify(stored).length > (5 * MIB) / 3, 'far more in bytes than in characters')
  const asked = [...numbers.map((number) => long(number, ' ')), formula(1)]
  for (const blank of ['', ' ']) {
    const answer = await submit(`${blank}${JSON.stringify(asked)}`, { key: 'k', query: SKIP })
    const entries = formulasOf(answer)
    const full = entries.findIndex((entry) => !('name' in entry))
    t.same(entries.slice(0, full), shown(stored.slice(0, full)))
    t.same(entries.slice(full, -1), briefs(stored.slice(full)))
    t.match(entries.at(-1), { name: 'Formula 1', outcome: 'added' }, 'what is added is told as a whole')
    const bytes = Buffer.byteLength(answer.body)
    t.ok(bytes > 4 * MIB && bytes < 4.3 * MIB, `${bytes}`)
    clock.advance(blank === '' ? 700_000 : 0)
  }
})
