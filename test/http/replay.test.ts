import { test } from 'tap'
import { formula, startService } from '../support/http/service.ts'
import { TestClock } from '../support/test-clock.ts'

const HOUR_MS = 3_600_000
const replayed = { 'idempotent-replayed': 'true' }

test('a repeat of the same bytes is answered as before, whether it is remembered or looked up', async (t) => {
  const clock = new TestClock()
  const { submit } = await startService(t, {}, { clock })
  const send = () => submit(formula(1), { key: 'k' })
  const first = await send()
  for (const minutes of [0, 1, 30]) {
    clock.advance(minutes * 60_000)
    const again = await send()
    t.match(again, { statusCode: 200, body: first.body, headers: { ...replayed, location: first.headers.location } })
  }
  const duplicate = await submit(formula(1), { key: 'other' })
  t.equal(duplicate.statusCode, 409)
  t.match(await submit(formula(1), { key: 'other' }), { statusCode: 409, body: duplicate.body, headers: replayed })
})

test('a key expires at its time, though its answer was replayed just before', async (t) => {
  const clock = new TestClock()
  const { submit } = await startService(t, { IDEMPOTENCY_TTL_HOURS: '1' }, { clock })
  const send = () => submit(formula(1), { key: 'k' })
  await send()
  clock.advance(HOUR_MS - 1)
  t.match(await send(), { statusCode: 200, headers: replayed })
  clock.advance(1)
  const late = await send()
  t.equal(late.statusCode, 409)
  t.notOk('idempotent-replayed' in late.headers)
})

test('a repeat that differs in its query or its bytes is read', async (t) => {
  const { submit } = await startService(t)
  const text = JSON.stringify(formula(1))
  await submit(text, { key: 'k' })
  t.match(await submit(` ${text}`, { key: 'k' }), { statusCode: 200, headers: replayed }, 'the same payload')
  t.equal((await submit(text, { key: 'k', query: '?onDuplicate=skip' })).statusCode, 422)
  t.equal((await submit(JSON.stringify(formula(2)), { key: 'k' })).statusCode, 422)
  t.equal((await submit(`${text}!`, { key: 'k' })).statusCode, 400)
})
