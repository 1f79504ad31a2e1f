import { test } from 'tap'
import { catalogue } from '../../src/errors/catalogue.ts'
import { raw } from '../support/http/raw-request.ts'
import { errorOf, formula, startService } from '../support/http/service.ts'

const PROBLEM = 'application/problem+json'

test('a caller that prefers application/problem+json gets errors as RFC 9457, any other as ever', async (t) => {
  const { send } = await startService(t)
  const ask = (accept?: string) => send({ url: '/formulas?colour=1', headers: accept === undefined ? {} : { accept } })
  for (const accept of [PROBLEM, 'Application/Problem+JSON', `application/json;q=0.5, ${PROBLEM}`, `${PROBLEM}, */*`]) {
    const { statusCode, headers, body } = await ask(accept)
    t.match({ statusCode, type: headers['content-type'] }, { statusCode: 400, type: PROBLEM }, accept)
    const details = [{ path: '?colour', code: 'VALIDATION_FAILED', message: 'Unexpected property' }]
    const { message } = catalogue.VALIDATION_FAILED
    t.same(JSON.parse(body), {
      type: '/docs/errors.md#VALIDATION_FAILED',
      title: message,
      status: 400,
      detail: message,
      code: 'VALIDATION_FAILED',
      details,
    })
  }
  const others = [undefined, '*/*', 'application/*', 'application/json', 'text/html', '', `${PROBLEM};q=0`]
  for (const accept of [...others, `${PROBLEM};q=0.1, application/json`]) {
    errorOf(t, await ask(accept), 400, 'VALIDATION_FAILED')
  }
})

test('a conflict that is replayed is written as the repeat accepts it, from the store and from memory', async (t) => {
  const { submit, send } = await startService(t)
  await submit(formula(1))
  const repeat = (accept: string) => {
    const headers = { 'idempotency-key': 'k', 'content-type': 'application/json', accept }
    return send({ method: 'POST', url: '/formulas', headers, payload: JSON.stringify(formula(1)) })
  }
  const first = errorOf(t, await repeat('*/*'), 409, 'FORMULA_EXISTS')
  for (const _ of ['from the store', 'from memory']) {
    const answer = await repeat(PROBLEM)
    t.match(answer.headers, { 'content-type': PROBLEM, 'idempotent-replayed': 'true' })
    t.match(answer.json(), { type: '/docs/errors.md#FORMULA_EXISTS', detail: first.message, details: first.details })
    t.same(errorOf(t, await repeat('application/json'), 409, 'FORMULA_EXISTS'), first)
  }
})

test('what is refused before any route is a problem too', async (t) => {
  const { app } = await startService(t)
  const early: [line: string, code: string, ...headers: string[]][] = [
    ['GET /formulas/%zz HTTP/1.1', 'BAD_REQUEST', 'Host: localhost'],
    ['GET /formulas HTTP/1.1', 'EXPECTATION_FAILED', 'Host: localhost', 'Expect: coffee'],
    ['GET /formulas HTTP/1.1', 'HOST_NOT_ALLOWED', 'Host: evil.example'],
    ['PATCH /formulas HTTP/1.1', 'METHOD_NOT_ALLOWED', 'Host: localhost'],
  ]
  for (const [line, code, ...headers] of early) {
    t.match(
      await raw(app, line, ...headers, `Accept: ${PROBLEM}`),
      { code, head: /^Content-Type: application\/problem\+json/im },
      line,
    )
  }
})
