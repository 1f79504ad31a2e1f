import Fastify from 'fastify'
import { type Test, test } from 'tap'
import errors from '../../plugins/errors.ts'
import sensible from '../../plugins/sensible.ts'
import { sendOutcome } from '../../routes/formulas/answer.ts'
import type { Answer as StoreAnswer } from '../../src/stores/ports.ts'
import type { Outcome } from '../../src/submission/submission.ts'
import { type Answer, errorOf, formula, startService } from '../support/http/service.ts'
import { captureLog, memoryStores, unavailable } from './fixtures.ts'

async function answerTo(t: Test, outcome: Outcome, url = '/'): Promise<Answer> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(sensible)
  await app.register(errors)
  app.decorateRequest('apiKey', null)
  app.get('/', (_request, reply) => sendOutcome(reply, outcome))
  return app.inject(url)
}

test('an answer shows documents as the text that was stored, with the id first', async (t) => {
  const document = '{ "message" : "as it was" }'
  const shown = '{"id":"abc", "message" : "as it was" }'
  const answer: StoreAnswer = { status: 200, single: true, entries: [{ id: 'abc', outcome: 'added', document }] }
  const first = await answerTo(t, { kind: 'answered', answer, replayed: true })
  t.equal(first.body, `{"message":"Formula(s) added!","formulas":[${shown}]}`)
  t.equal(first.headers['content-type'], 'application/json; charset=utf-8')
  t.equal(first.headers['content-length'], String(first.body.length))
  t.equal(first.headers.location, '/formulas/abc')
  t.equal(first.headers['idempotent-replayed'], 'true')
  const skipping = await answerTo(t, { kind: 'answered', answer, replayed: false }, '/?onDuplicate=skip')
  t.equal(skipping.body, `{"message":"Formula(s) added!","formulas":[${shown.slice(0, -1)},"outcome":"added"}]}`)
  t.equal(skipping.headers['idempotent-replayed'], undefined)
})

test('an answer that showed a formula which has been erased is a 410 FORMULA_ERASED', async (t) => {
  errorOf(t, await answerTo(t, { kind: 'answered', answer: { status: 410 }, replayed: true }), 410, 'FORMULA_ERASED')
})

const refusals: [
  kind: Exclude<Outcome['kind'], 'answered'>,
  status: number,
  code: string,
  retry: string | undefined,
][] = [
  ['reused', 422, 'IDEMPOTENCY_KEY_REUSED', undefined],
  ['in-use', 409, 'IDEMPOTENCY_KEY_IN_USE', '1'],
  ['failed', 503, 'SUBMISSION_FAILED', '1'],
  ['stopping', 503, 'SERVICE_STOPPING', '1'],
]

for (const [kind, status, code, retry] of refusals) {
  test(`a submission that is ${kind} is a ${status} ${code}${retry ? ' with Retry-After' : ''}`, async (t) => {
    const answer = await answerTo(t, { kind })
    errorOf(t, answer, status, code)
    t.equal(answer.headers['retry-after'], retry)
  })
}

test('a submission that cannot be stored is a 503, and its key is free again', async (t) => {
  const stores = memoryStores()
  const accept = stores.intake.accept.bind(stores.intake)
  stores.intake.accept = unavailable
  const { submit } = await startService(t, { SUBMIT_RETRIES: '2' }, { stores })
  const answer = await submit(formula(1), { key: 'abc' })
  errorOf(t, answer, 503, 'SUBMISSION_FAILED')
  t.match(answer.headers['retry-after'], /^\d+$/)
  stores.intake.accept = accept
  t.equal((await submit(formula(2), { key: 'abc' })).statusCode, 200)
})

test('a store that does not answer is a 503 with Retry-After that reveals nothing about the store', async (t) => {
  const stores = memoryStores()
  stores.db.list = unavailable
  const { lines, logger } = captureLog('error')
  const { get } = await startService(t, {}, { stores, logger })
  const answer = await get('/formulas')
  errorOf(t, answer, 503, 'STORE_UNAVAILABLE')
  t.equal(answer.headers['retry-after'], '1')
  t.notMatch(answer.body, /disk|stack/)
  t.match(JSON.stringify(lines), /the disk is full/, 'but the log does')
})

test('an unexpected error is a 500 without internals', async (t) => {
  const stores = memoryStores()
  stores.queue.stats = () => Promise.reject(new TypeError('SELECT secret FROM /etc/passwd'))
  stores.queue.ack = () => Promise.reject(undefined)
  const { get, post } = await startService(t, {}, { stores })
  const answer = await get('/events/stats')
  t.same(errorOf(t, answer, 500, 'INTERNAL_ERROR').details, [])
  t.notMatch(answer.body, /secret|passwd|stack/)
  errorOf(t, await post('/events/ack', { receipts: ['x'] }), 500, 'INTERNAL_ERROR')
})
