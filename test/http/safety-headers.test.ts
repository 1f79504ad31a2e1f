import { test } from 'tap'
import { startGuarded } from '../support/http/keys.ts'
import { type Answer, formula } from '../support/http/service.ts'
import { overload } from './fixtures.ts'

const SAFETY = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

test('each answer carries the safety headers, whatever it says, and tells no version', async (t) => {
  const { app, get, reader, submitter, admin } = await startGuarded(t, { RATE_LIMIT_PER_MINUTE: '9' })
  const answers: [number, Answer][] = [
    [200, await get('/health/live')],
    [200, await submitter.submit(formula(1), { key: 'k' })],
    [200, await submitter.submit(formula(1), { key: 'k' })],
    [404, await admin.send({ method: 'DELETE', url: '/events/dead/x' })],
    [400, await get('/formulas/%zz')],
    [401, await get('/formulas')],
    [403, await reader.get('/cleanups')],
    [404, await reader.get('/nope')],
    [409, await submitter.submit(formula(1))],
  ]
  overload(app)
  answers.push([503, await submitter.submit(formula(2))])
  while ((await reader.get('/formulas')).statusCode === 200);
  answers.push([429, await reader.get('/formulas')])
  for (const [status, { statusCode, headers }] of answers) {
    t.equal(statusCode, status)
    t.match(headers, SAFETY, String(status))
    t.ok(headers['x-request-id'])
    t.notOk(headers.server ?? headers['x-powered-by'])
  }
})
