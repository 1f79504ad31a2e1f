import { join } from 'node:path'
import { test } from 'tap'
import { buildApp } from '../../src/app.ts'
import { readConfig } from '../../src/config/config.ts'
import { MAX_SUBSCRIPTIONS } from '../../src/stores/ports.ts'
import { errorOf, formula, formulasOf, startService } from '../support/http/service.ts'
import { startPostgres } from '../support/postgres/server.ts'
import { startSqs, until } from '../support/sqs.ts'
import { answering, startWebhook } from '../support/webhook.ts'

test("a sink gets every event from a subscription of its own, and takes none from others'", async (t) => {
  const sqs = await startSqs(t)
  const env = { DATABASE_URL: `sqlite:${join(t.testdir(), 'formulas.db')}` }
  const before = await startService(t, env)
  await before.submit(formula(1))
  await before.app.close()

  const { app, submit, post } = await startService(t, { ...env, FORWARD_TO: `sqs+${sqs.queueUrl}#lab` })
  const ids = formulasOf(await submit([formula(2), formula(3)])).map(({ id }) => id)
  await until(() => sqs.ids().length >= 2)
  t.same(sqs.ids(), ids.sort(), 'from the end of the log as it was when the subscription was made')
  t.equal((await post('/events/receive', { max: 10 })).json().events.length, 3)
  t.same([app.forwarder.forwards('lab'), app.forwarder.forwards('default')], [true, false])
  await app.close()

  const further = await startService(t, env)
  await further.submit(formula(4))
  await further.app.close()
  await startService(t, { ...env, FORWARD_TO: `sqs+${sqs.queueUrl}#lab` })
  await until(() => sqs.ids().length >= 3)
  t.equal(sqs.ids().length, 3, 'a subscription that is there already keeps its position')
})

test('from the subscription of a sink nobody receives, and nobody deletes it', async (t) => {
  const sqs = await startSqs(t)
  const { send, post, app } = await startService(t, { FORWARD_TO: `sqs+${sqs.queueUrl}#lab` })
  errorOf(t, await post('/events/receive', { subscription: 'lab' }), 409, 'EVENTS_FORWARDED')
  errorOf(t, await send({ method: 'DELETE', url: '/subscriptions/lab' }), 409, 'SUBSCRIPTION_REFUSED')
  t.match(await app.queue.subscriptions(), [{ name: 'default' }, { name: 'lab' }])
})

test('SQS and a webhook each get every event, and what holds one up does not hold up the other', async (t) => {
  const sqs = await startSqs(t)
  const webhook = await startWebhook(t)
  webhook.answer = answering(410)
  const { submit, app } = await startService(t, {
    FORWARD_TO: `sqs+${sqs.queueUrl}#lab ${webhook.url}#erp`,
    FORWARD_PRIVATE: 'true',
    WEBHOOK_SECRETS_FILE: webhook.secretsFile,
  })
  const ids = formulasOf(await submit([formula(1), formula(2)])).map(({ id }) => id)
  await until(() => sqs.ids().length === 2 && app.forwarder.health().get('erp')?.state === 'failing')
  t.equal(app.forwarder.health().get('lab')?.state, 'forwarding')
  await until(async () => {
    const all = await app.queue.subscriptions()
    return all.some(({ name, paused, ready }) => name === 'erp' && paused && ready === 2)
  })
  webhook.answer = answering(204)
  await app.queue.pause('erp', false)
  await until(() => webhook.taken.length === 2)
  t.same(webhook.taken.map(({ id }) => id).sort(), ids.sort())
})

test('SQS_QUEUE_URL forwards the default subscription beside other sinks', async (t) => {
  const sqs = await startSqs(t)
  const { submit, post, app } = await startService(t, {
    SQS_QUEUE_URL: sqs.queueUrl,
    FORWARD_TO: `sqs+${sqs.queueUrl}#lab`,
  })
  errorOf(t, await post('/events/receive'), 409, 'EVENTS_FORWARDED')
  await submit(formula(1))
  await until(() => sqs.ids().length >= 2)
  t.same([...app.forwarder.health().keys()].sort(), ['default', 'lab'])
})

test('a start that a sink refuses makes no subscription', async (t) => {
  const env = { DATABASE_URL: `sqlite:${join(t.testdir(), 'formulas.db')}` }
  process.env.AWS_CONFIG_FILE = '/nowhere'
  t.teardown(() => delete process.env.AWS_CONFIG_FILE)
  const FORWARD_TO = 'sqs+https://sqs.eu-west-1.amazonaws.com/1/q#a sqs+http://127.0.0.1:1/0/q#b'
  const refused = buildApp(readConfig({ ...env, FORWARD_TO }))
  await t.rejects(async () => refused.ready(), { name: 'ConfigError', message: /names no region/ })
  await refused.close()
  const { app } = await startService(t, env)
  t.match(await app.queue.subscriptions(), [{ name: 'default' }])
})

test('sinks for which there is no place among the subscriptions stop the start with one line, and none is made', async (t) => {
  const postgres = await startPostgres({ durable: false })
  t.teardown(() => postgres.stop())
  for (const DATABASE_URL of [`sqlite:${join(t.testdir(), 'formulas.db')}`, await postgres.createDatabase()]) {
    const { app } = await startService(t, { DATABASE_URL })
    // With `default`, one less than the maximum.
    for (let number = 2; number < MAX_SUBSCRIPTIONS; number++) await app.queue.subscribe(`s${number}`, 'end')
    await app.close()
    const sinks = ['s7', 'erp', 'lab'].map((name) => `sqs+https://sqs.eu-west-1.amazonaws.com/1/q#${name}`)
    const refused = buildApp(readConfig({ DATABASE_URL, FORWARD_TO: sinks.join(' ') }))
    await t.rejects(async () => refused.ready(), {
      name: 'ConfigError',
      message: 'FORWARD_TO: there are too many subscriptions to make lab; delete one',
    })
    await refused.close()
    const fits = await startService(t, { DATABASE_URL, FORWARD_TO: `${sinks[0]} ${sinks[2]}` })
    const names = (await fits.app.queue.subscriptions()).map(({ name }) => name)
    t.same([names.includes('erp'), names.includes('lab'), names.length], [false, true, MAX_SUBSCRIPTIONS])
    await fits.app.close()
  }
})
