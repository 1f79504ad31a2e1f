import { test } from 'tap'
import { errorOf, formula, formulasOf, startService } from '../support/http/service.ts'
import { TestClock } from '../support/test-clock.ts'

const material = { name: 'Linalool', concentration: '12.5' }
const rose = { name: 'Rose Garden', materials: [material, { name: 'Geraniol', concentration: 10 }] }
const EXISTS = 'This formula already exists in the database, either by the same name or another name'

const invalid: [what: string, body: object, path: string, message: string][] = [
  ['a missing name', { materials: [material] }, '/name', "Missing field 'name' on fragrance formula"],
  ['missing materials', { name: 'Rose' }, '/materials', "Missing field 'materials' on fragrance formula"],
  ['a name that is no string', { ...rose, name: 5 }, '/name', 'Formula name must be a string'],
  ['materials that are no list', { ...rose, materials: {} }, '/materials', "A formula's materials must be a list"],
  [
    'a material without a name',
    { ...rose, materials: [{ concentration: 1 }] },
    '/materials/0/name',
    "Missing field 'name' on a material",
  ],
  [
    'a material without a concentration',
    { ...rose, materials: [material, { name: 'Geraniol' }] },
    '/materials/1/concentration',
    "Missing field 'concentration' on a material",
  ],
  [
    'a material whose name is no string',
    { ...rose, materials: [{ name: null, concentration: 1 }] },
    '/materials/0/name',
    'Material name must be a string',
  ],
  [
    'a concentration that is no decimal',
    { ...rose, materials: [{ name: 'Linalool', concentration: 'strong' }] },
    '/materials/0/concentration',
    'Material concentration must be a decimal',
  ],
]

for (const [what, body, path, message] of invalid) {
  test(`${what} is a 400 that says so and where, alone and in a list`, async (t) => {
    const { submit } = await startService(t)
    for (const [sent, prefix] of [
      [body, ''],
      [[rose, body], '/1'],
    ] as const) {
      const answer = (await submit(sent)).json()
      t.equal(answer.status, 400)
      t.ok(answer.message.startsWith(message), answer.message)
      t.equal(answer.details[0].path, `${prefix}${path}`)
      t.equal(answer.details[0].message, answer.message)
      t.equal(answer.details[0].code, answer.code)
    }
  })
}

test('a submission is answered with its stored formula, which GET gives back the same', async (t) => {
  const { submit, get } = await startService(t)
  const answer = await submit(rose)
  t.equal(answer.statusCode, 200)
  t.equal(answer.json().message, 'Formula(s) added!')
  const [stored] = formulasOf(answer)
  t.ok(stored)
  t.same(Object.keys(stored ?? {}), ['id', 'name', 'materials', 'createdAt'])
  t.match(stored, { name: 'Rose Garden', materials: [material, { name: 'Geraniol', concentration: '10' }] })
  t.equal(answer.headers.location, `/formulas/${stored?.id}`)
  t.equal(answer.headers['idempotent-replayed'], undefined)
  t.equal((await get(answer.headers.location as string)).body, JSON.stringify(stored))
})

test('every problem of a formula is reported, the first one at the top', async (t) => {
  const { submit } = await startService(t)
  const body = { title: 1, materials: [{ name: 5, concentration: 'x', unit: '%' }] }
  const answer = errorOf(t, await submit(body), 400, 'FORMULA_NAME_MISSING')
  t.same(
    answer.details.map(({ path, code }) => `${path} ${code}`),
    [
      '/name FORMULA_NAME_MISSING',
      '/title FORMULA_FIELD_UNKNOWN',
      '/materials/0/name MATERIAL_NAME_NOT_STRING',
      '/materials/0/concentration MATERIAL_CONCENTRATION_NOT_DECIMAL',
      '/materials/0/unit MATERIAL_FIELD_UNKNOWN',
    ],
  )
})

test('a submission without a key is refused', async (t) => {
  const { post } = await startService(t)
  const answer = errorOf(t, await post('/formulas', rose), 400, 'IDEMPOTENCY_KEY_MISSING')
  t.equal(answer.message, 'Missing Idempotency-Key header')
  t.equal(answer.details[0]?.path, 'Idempotency-Key')
})

test('the same key with the same payload is answered again, byte for byte', async (t) => {
  const { submit } = await startService(t)
  const first = await submit(rose, { key: 'abc-1' })
  const respelt = { materials: [material, { concentration: '1e1', name: 'Geraniol' }], name: ' Rose Garden' }
  for (const again of [await submit(rose, { key: 'abc-1' }), await submit(respelt, { key: '"abc-1"' })]) {
    t.equal(again.statusCode, 200)
    t.equal(again.body, first.body)
    t.equal(again.headers.location, first.headers.location)
    t.equal(again.headers['idempotent-replayed'], 'true')
  }
})

test('the same key with another payload is a 422, also with another onDuplicate', async (t) => {
  const { submit } = await startService(t)
  await submit(rose, { key: 'abc-1' })
  errorOf(t, await submit({ ...rose, name: 'Tulip' }, { key: 'abc-1' }), 422, 'IDEMPOTENCY_KEY_REUSED')
  errorOf(t, await submit(rose, { key: 'abc-1', query: '?onDuplicate=skip' }), 422, 'IDEMPOTENCY_KEY_REUSED')
})

test('a submission that failed validation does not use up its key', async (t) => {
  const { submit } = await startService(t)
  errorOf(t, await submit({ ...rose, name: 5 }, { key: 'abc-1' }), 400, 'FORMULA_NAME_NOT_STRING')
  t.equal((await submit(rose, { key: 'abc-1' })).statusCode, 200)
})

const known: [what: string, body: { name: string; materials: object[] }][] = [
  ['under another name', { ...rose, name: 'Tulip Field' }],
  ['in another order', { ...rose, materials: rose.materials.toReversed() }],
  ['in another spelling', { ...rose, materials: [material, { name: ' GERANIOL', concentration: '10.0' }] }],
]

for (const [what, body] of known) {
  test(`a composition that is stored already, ${what}, is a 409 that names the stored formula`, async (t) => {
    const { submit } = await startService(t)
    const [stored] = formulasOf(await submit(rose))
    const answer = errorOf(t, await submit(body), 409, 'FORMULA_EXISTS')
    t.equal(answer.message, EXISTS)
    t.same(answer.details, [{ path: '', code: 'FORMULA_EXISTS', message: EXISTS, id: stored?.id }])
  })
}

test('twins in one list are refused, the later one named', async (t) => {
  const { submit, get } = await startService(t)
  const answer = errorOf(t, await submit([rose, { ...rose, name: 'Twin' }]), 409, 'FORMULA_EXISTS')
  t.same(
    answer.details.map(({ path }) => path),
    ['/1'],
  )
  t.same((await get('/formulas')).json().formulas, [])
})

test('a list with one known composition adds nothing at all', async (t) => {
  const { submit, get } = await startService(t)
  await submit(rose)
  const fresh = { ...rose, materials: [material] }
  const answer = errorOf(t, await submit([fresh, rose]), 409, 'FORMULA_EXISTS')
  t.equal(answer.details[0]?.path, '/1')
  t.equal((await get('/formulas')).json().formulas.length, 1)
  t.equal((await get('/events/stats')).json().ready, 1)
})

test('with onDuplicate=skip the new ones are added and the others reported as stored', async (t) => {
  const { submit } = await startService(t)
  const [stored] = formulasOf(await submit(rose))
  const fresh = { name: 'Fresh', materials: [material] }
  const list = [{ ...rose, name: 'Again' }, fresh, { ...fresh, name: 'Twin' }]
  const answer = await submit(list, { query: '?onDuplicate=skip' })
  t.equal(answer.statusCode, 200)
  t.equal(answer.json().message, 'Formula(s) added!')
  const [again, added, twin] = formulasOf(answer)
  t.same(again, { ...stored, outcome: 'duplicate' })
  t.match(added, { name: 'Fresh', outcome: 'added' })
  t.same(twin, { ...added, outcome: 'duplicate' })
  t.equal(answer.headers.location, undefined)
})

test('with onDuplicate=skip only a formula that was added has a Location', async (t) => {
  const { submit } = await startService(t)
  const added = await submit(rose, { query: '?onDuplicate=skip' })
  t.equal(added.headers.location, `/formulas/${formulasOf(added)[0]?.id}`)
  const skipped = await submit(rose, { query: '?onDuplicate=skip' })
  t.equal(skipped.statusCode, 200)
  t.equal(skipped.headers.location, undefined)
})

const HOUR_MS = 3_600_000
const replayed = { 'idempotent-replayed': 'true' }

test('a repeat of the same bytes is answered as before, whether it is remembered or looked up', async (t) => {
  const clock = new TestClock()
  const { submit } = await startService(t, {}, { clock })
  const send = () => submit(formula(1), { key: 'k' })
  const first = await send()
  for (const minutes of [0, 0, 1, 30]) {
    clock.advance(minutes * 60_000)
    const again = await send()
    t.match(again, { statusCode: 200, body: first.body, headers: { ...replayed, location: first.headers.location } })
  }
  const duplicate = await submit(formula(1), { key: 'other' })
  errorOf(t, duplicate, 409, 'FORMULA_EXISTS')
  t.match(await submit(formula(1), { key: 'other' }), { statusCode: 409, body: duplicate.body, headers: replayed })
})

test('a key expires within ten seconds of its time, though its answer was replayed just before', async (t) => {
  const clock = new TestClock()
  const { submit } = await startService(t, { IDEMPOTENCY_TTL_HOURS: '1' }, { clock })
  const send = () => submit(formula(1), { key: 'k' })
  await send()
  clock.advance(HOUR_MS - 1)
  t.match(await send(), { statusCode: 200, headers: replayed })
  clock.advance(10_001)
  const late = await send()
  t.equal(late.statusCode, 409)
  t.notOk('idempotent-replayed' in late.headers)
})

test('a repeat whose bytes differ is read', async (t) => {
  const { submit } = await startService(t)
  const text = JSON.stringify(formula(1))
  await submit(text, { key: 'k' })
  t.match(await submit(` ${text}`, { key: 'k' }), { statusCode: 200, headers: replayed }, 'the same payload')
  t.equal((await submit(`${text}!`, { key: 'k' })).statusCode, 400)
})
