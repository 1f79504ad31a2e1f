import { test } from 'tap'
import { startGuarded } from '../support/http/keys.ts'
import { errorOf, formula, formulasOf, startService } from '../support/http/service.ts'
import { holdingStores, memoryStores, unavailable } from './fixtures.ts'

test('the state of a submission is found by its key, however it is spelt', async (t) => {
  const { submit, get } = await startService(t)
  const [a] = formulasOf(await submit(formula(1), { key: '"order 1/2?%\\""' }))
  const found = await get(`/submissions/${encodeURIComponent('order 1/2?%"')}`)
  t.same(found.json(), {
    key: 'order 1/2?%"',
    state: 'done',
    submittedAt: a?.createdAt,
    status: 200,
    formulaIds: [a?.id],
  })
  await submit(formula(1), { key: 'refused' })
  t.match(Object.keys((await get('/submissions/refused')).json()), ['key', 'state', 'submittedAt', 'status'])
  t.match((await get('/submissions/refused')).json(), { state: 'done', status: 409 })
  await submit({ name: 'invalid' }, { key: 'invalid' })
  for (const key of ['invalid', 'unknown', '%00', 'x'.repeat(300), '%22order%201%22']) {
    errorOf(t, await get(`/submissions/${key}`), 404, 'SUBMISSION_NOT_FOUND')
  }
})

test('a caller sees the states of its own submissions only', async (t) => {
  const { submitter, as, secrets } = await startGuarded(t)
  await submitter.submit(formula(1), { key: 'a' })
  t.equal((await submitter.get('/submissions/a')).statusCode, 200)
  errorOf(t, await as(secrets.admin).get('/submissions/a'), 404, 'SUBMISSION_NOT_FOUND')
})

test('a submission is running until it is answered', async (t) => {
  const { stores, entered, release } = holdingStores()
  const { submit, get } = await startService(t, { SUBMIT_RETRIES: '1' }, { stores })
  const answer = submit(formula(1), { key: 'a' })
  await entered
  t.same(Object.keys((await get('/submissions/a')).json()), ['key', 'state', 'submittedAt'])
  t.match((await get('/submissions/a')).json(), { key: 'a', state: 'running' })
  release()
  t.equal((await answer).statusCode, 200)
  t.match((await get('/submissions/a')).json(), { state: 'done', status: 200 })
})

test('a submission that failed leaves nothing under its key', async (t) => {
  const stores = memoryStores()
  stores.intake.accept = unavailable
  const { submit, get } = await startService(t, { SUBMIT_RETRIES: '1' }, { stores })
  errorOf(t, await submit(formula(1), { key: 'a' }), 503, 'SUBMISSION_FAILED')
  errorOf(t, await get('/submissions/a'), 404, 'SUBMISSION_NOT_FOUND')
})
