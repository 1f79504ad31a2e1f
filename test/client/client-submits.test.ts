import { type Test, test } from 'tap'
import { IntakeClient, IntakeError } from '../../client/src/client.ts'
import { startListening } from '../support/http/service.ts'
import { added, type Said, type Say, type Seen, scriptedService } from '../support/scripted-service.ts'
import { formula, startService } from '../support/service-process.ts'

const listed = async (client: IntakeClient): Promise<string[]> => {
  const names: string[] = []
  for await (const { name } of client.list()) names.push(name)
  return names.sort()
}

/** A client of a server that gives these answers, then those of a service; its pauses take no time and are recorded. */
async function scripted(t: Test, ...answers: ReturnType<Say>[]) {
  const pauses: number[] = []
  const say: Say = (seen) => answers.shift() ?? added({ ...seen, body: `[${seen.body}]` })
  const { url, seen } = await scriptedService(t, say)
  const timing = { random: () => 0.5, sleep: async (ms: number) => void pauses.push(ms) }
  const client = (options = {}) => new IntakeClient({ url, apiKey: 'secret', ...options }, timing)
  return { url, seen, pauses, client }
}

const same = (seen: Seen[]): number => new Set(seen.map(({ headers, body }) => headers['idempotency-key'] + body)).size

test('the same content is the same submission, and other content or another onDuplicate is another', async (t) => {
  const client = new IntakeClient(await startListening(t))
  const first = await client.submit(formula(1))
  t.match(first, { replayed: false, formulas: [{ id: /^[0-9a-f]{64}$/, name: 'Formula 1' }] })
  t.same(await client.submit(formula(1)), { ...first, replayed: true })
  const skipped = { replayed: false, formulas: [{ outcome: 'duplicate' }] }
  t.match(await client.submit(formula(1), { onDuplicate: 'skip' }), skipped)
  await client.submit(formula(2))
  t.same(await listed(client), ['Formula 1', 'Formula 2'])
})

test('a given key names the submission', async (t) => {
  const client = new IntakeClient(await startListening(t))
  await client.submit(formula(1), { key: 'order-1' })
  t.match(await client.submit(formula(1), { key: 'order-1' }), { replayed: true })
  await t.rejects(client.submit(formula(2), { key: 'order-1' }), { status: 422, code: 'IDEMPOTENCY_KEY_REUSED' })
})

test('with prefer minimal the answer has only ids, and the submission is the same', async (t) => {
  const client = new IntakeClient(await startListening(t))
  const { formulas } = await client.submit([formula(1), formula(2)])
  const minimal = await client.submit([formula(1), formula(2)], { prefer: 'minimal' })
  t.same(minimal, { formulas: formulas.map(({ id }) => ({ id })), replayed: true })
})

test('a derivation is stored once, and names its parent', async (t) => {
  const client = new IntakeClient(await startListening(t))
  const { formulas } = await client.submit(formula(1))
  const id = formulas[0]?.id as string
  const first = await client.derive(id, { name: 'Twice', scale: '2' })
  t.match(first, { replayed: false, formulas: [{ name: 'Twice', derivedFrom: id }] })
  t.same(await client.derive(id, { name: 'Twice', scale: '2' }), { ...first, replayed: true })
  await t.rejects(client.derive('none', { name: 'Twice', scale: '2' }), { status: 404, code: 'FORMULA_NOT_FOUND' })
})

test('JSON text is sent as it is, so that no digit is lost', async (t) => {
  const client = new IntakeClient(await startListening(t))
  const { formulas } = await client.submit(JSON.stringify(formula('C')).replace('"C"', '123456789012.123456789012'))
  t.match(await client.get(formulas[0]?.id as string), { materials: [{ concentration: '123456789012.123456789012' }] })
})

test('a refusal is an IntakeError with status, code and every problem, and is not retried', async (t) => {
  const client = new IntakeClient(await startListening(t))
  const refused = await client.submit([formula(-1), formula(0)]).catch((error) => error)
  t.ok(refused instanceof IntakeError)
  t.match(refused, { status: 400, code: 'MATERIAL_CONCENTRATION_NOT_DECIMAL', isTransient: false })
  t.match(refused.message, /^400 MATERIAL_CONCENTRATION_NOT_DECIMAL /)
  t.match(refused.details, [{ path: '/0/materials/0/concentration' }, { path: '/1/materials/0/concentration' }])
  const { formulas } = await client.submit(formula(1))
  const known = { status: 409, code: 'FORMULA_EXISTS', details: [{ path: '', id: formulas[0]?.id }] }
  await t.rejects(client.submit(formula(1, 'Another name')), known)
})

test('trouble is retried with the same bytes and key, after Retry-After and a backoff with jitter on top', async (t) => {
  const troubles: ReturnType<Say>[] = [
    { status: 503, headers: { 'retry-after': '2' }, body: { code: 'SERVICE_STOPPING' } },
    'break',
    { status: 502, body: '<html>' },
    { status: 429, headers: { 'retry-after': new Date(Date.now() + 60_000).toUTCString() } },
    { status: 409, body: { code: 'IDEMPOTENCY_KEY_IN_USE' } },
    { status: 200, body: '{"formulas":[' },
  ]
  const { client, seen, pauses } = await scripted(t, ...troubles)
  t.match(await client().submit(formula(1)), { formulas: [{ name: 'Formula 1' }] })
  t.equal(seen.length, 7)
  t.equal(same(seen), 1)
  t.match(seen[6], { headers: { authorization: 'Bearer secret', 'idempotency-key': /^[0-9a-f]{64}$/ } })
  t.same(pauses.with(3, 0), [2100, 200, 400, 0, 1600, 3200])
  t.ok((pauses[3] as number) > 58_000 && (pauses[3] as number) <= 60_800, 'a date counts from now')
})

test('what repeating cannot change is not repeated, a redirect included', async (t) => {
  for (const answer of [401, 413, 302].map((status): Said => ({ status, headers: { location: '/' } }))) {
    const { client, seen } = await scripted(t, answer)
    await t.rejects(client().submit(formula(1)), { status: answer.status, code: '', details: [] })
    t.equal(seen.length, 1)
  }
})

test('a request that cannot be sent is not repeated', async (t) => {
  const { client, seen, pauses } = await scripted(t)
  await t.rejects(client().submit(formula(1), { key: '№ 7' }), TypeError)
  await t.rejects(client({ apiKey: 'a\nb', retryForMs: Infinity }).submit(formula(1)), TypeError)
  t.same(pauses, [])
  t.same(seen, [])
})

test('a URL that is not of HTTP is refused at once', (t) => {
  for (const url of ['localhost:3000', 'ftp://formulas.example', 'http://user:secret@formulas.example']) {
    t.throws(() => new IntakeClient({ url }), TypeError, url)
  }
  t.end()
})

test('each try has a time-out of its own', async (t) => {
  const { client, seen } = await scripted(t, 'silence', 'silence')
  t.match(await client({ timeoutMs: 50 }).submit(formula(1)), { formulas: [{ name: 'Formula 1' }] })
  t.equal(seen.length, 3)
})

test('a try may have no time-out', async (t) => {
  const { client } = await scripted(t)
  await client({ timeoutMs: Infinity, retryForMs: 0 }).submit(formula(1))
})

test('it gives up when its time is over, and says why the last try failed', async (t) => {
  const { client, seen } = await scripted(t, 'break', { status: 503, headers: { 'retry-after': '9' } })
  await t.rejects(client({ retryForMs: 0 }).submit(formula(1)), { status: 0, code: 'NO_ANSWER', cause: Error })
  t.equal(seen.length, 1)
  await t.rejects(client({ retryForMs: 5000 }).submit(formula(1)), { status: 503, code: '', retryAfterMs: 9000 })
  t.equal(seen.length, 2, 'no wait for a try that would come too late')
})

test('an abort ends it with its reason: before, during a try and during a pause', async (t) => {
  for (const answer of ['silence', { status: 503, headers: { 'retry-after': '60' } }] as const) {
    const aborting = new AbortController()
    const { url, seen } = await scriptedService(t, () => {
      setTimeout(() => aborting.abort(new Error('enough')), 100)
      return answer
    })
    const client = new IntakeClient({ url, timeoutMs: 2 ** 31 - 1 })
    await t.rejects(client.submit(formula(1), { signal: aborting.signal }), { message: 'enough' })
    await t.rejects(client.submit(formula(1), { signal: aborting.signal }), { message: 'enough' })
    t.equal(seen.length, 1)
  }
})

test('submissions under way when the service is killed and started again are taken in exactly once', async (t) => {
  t.testdir()
  const environment = { DATABASE_URL: 'sqlite:./formulas.db' }
  const first = await startService(t, environment)
  const client = new IntakeClient({ url: first.url, retryForMs: Infinity })
  const submit = (number: number) => client.submit(formula(number))
  await submit(1)
  const submitting = Array.from({ length: 40 }, (_, index) => submit(index + 1))
  await first.kill('SIGKILL')
  const late = Array.from({ length: 20 }, (_, index) => submit(index + 21))
  await startService(t, { ...environment, PORT: new URL(first.url).port })
  await Promise.all([...submitting, ...late])
  t.same(await listed(client), Array.from({ length: 40 }, (_, index) => `Formula ${index + 1}`).sort())
})
