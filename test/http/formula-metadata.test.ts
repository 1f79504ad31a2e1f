import { type Test, test } from 'tap'
import { startGuarded } from '../support/http/keys.ts'
import { type Answer, type Client, errorOf, formula, formulasOf, startService } from '../support/http/service.ts'
import { TestClock } from '../support/test-clock.ts'
import { memoryStores } from './fixtures.ts'

const SKIP = '?onDuplicate=skip'
const sent = { ...formula(1, 'Trial 7'), metadata: { trial: '7', '10': 'x', 'cas.Linalool': '78-70-6', empty: '' } }
const METADATA = '"metadata":{"10":"x","cas.Linalool":"78-70-6","empty":"","trial":"7"}'

/** Reads a formula wherever one is shown. @returns its text in the answer to its submission */
async function shownAlike(t: Test, submitter: Client, reader: Client): Promise<string> {
  const first = await submitter.submit(sent, { key: 'k' })
  t.equal(first.statusCode, 200)
  const text = first.body.slice('{"message":"Formula(s) added!","formulas":['.length, -']}'.length)
  const { id } = JSON.parse(text)
  t.equal((await reader.get(`/formulas/${id}`)).body, text)
  const holds = (answer: Answer, shown = text) => t.ok(answer.body.includes(shown), answer.body)
  holds(await reader.get('/formulas'))
  holds(await reader.get('/formulas?name=trial'))
  holds(await reader.post('/events/receive', { include: ['formula'] }))
  const known = `${text.slice(0, -1)},"outcome":"duplicate"}`
  holds(await reader.submit(formula(1, 'Other'), { query: SKIP }), known)
  holds(await reader.post('/formulas/check', formula(1)), known)
  const { trial, ...others } = sent.metadata
  const again = await submitter.submit({ ...sent, metadata: { ...others, trial } }, { key: 'k' })
  t.match(again, { body: first.body, headers: { 'idempotent-replayed': 'true' } }, 'the order of entries is no payload')
  return text
}

test('without keys a formula is shown with its metadata everywhere, and with no submitter', async (t) => {
  const service = await startService(t)
  const text = await shownAlike(t, service, service)
  t.ok(text.endsWith(`"createdAt":"${JSON.parse(text).createdAt}",${METADATA}}`), text)
})

test('with keys it also has who submitted it, whoever reads it', async (t) => {
  const { submitter, admin } = await startGuarded(t)
  const text = await shownAlike(t, submitter, admin)
  t.ok(text.endsWith(`,${METADATA},"submittedBy":"submit"}`), text)
})

test('each formula of a list has its own metadata; one without has none', async (t) => {
  const { submitter, reader } = await startGuarded(t)
  const list = [sent, { ...formula(2), metadata: {} }, { ...formula(3), metadata: { trial: '8' } }]
  const stored = formulasOf(await submitter.submit(list))
  t.same(stored[0]?.metadata, sent.metadata)
  t.same(Object.keys(stored[1] ?? {}), ['id', 'name', 'materials', 'createdAt', 'submittedBy'])
  t.same(stored[2]?.metadata, { trial: '8' })
  t.same((await reader.get('/formulas')).json().formulas, stored.toReversed())
})

test('other metadata under the same key is another payload, from memory and from the store', async (t) => {
  const clock = new TestClock()
  const { submit } = await startService(t, {}, { clock, stores: memoryStores(clock) })
  t.equal((await submit(sent, { key: 'k' })).statusCode, 200)
  t.equal((await submit(formula(2), { key: 'plain' })).statusCode, 200)
  for (const wait of [0, 700_000]) {
    clock.advance(wait)
    for (const metadata of [undefined, {}, { trial: '7' }, { ...sent.metadata, trial: '8' }]) {
      errorOf(t, await submit({ ...sent, metadata }, { key: 'k' }), 422, 'IDEMPOTENCY_KEY_REUSED')
    }
    errorOf(
      t,
      await submit({ ...formula(2), metadata: { trial: '7' } }, { key: 'plain' }),
      422,
      'IDEMPOTENCY_KEY_REUSED',
    )
    t.match(await submit(sent, { key: 'k' }), { statusCode: 200, headers: { 'idempotent-replayed': 'true' } })
    const empty = await submit({ ...formula(2), metadata: {} }, { key: 'plain' })
    t.match(empty, { statusCode: 200, headers: { 'idempotent-replayed': 'true' } })
  }
})

test('metadata makes no new composition, and that of a known formula stays', async (t) => {
  const { submit, get } = await startService(t)
  const [stored] = formulasOf(await submit(sent))
  const other = { ...sent, metadata: { trial: '8' } }
  errorOf(t, await submit(other), 409, 'FORMULA_EXISTS')
  t.same(formulasOf(await submit(other, { query: SKIP })), [{ ...stored, outcome: 'duplicate' }])
  t.same((await get(`/formulas/${stored?.id}`)).json(), stored)
})
