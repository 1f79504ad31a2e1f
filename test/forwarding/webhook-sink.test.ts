import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'
import { type Test, test } from 'tap'
import type { SendResult } from '../../src/outbox/sink.ts'
import { openWebhookSink } from '../../src/outbox/webhook-sink.ts'
import { idOf, NOON } from '../contract/submissions.ts'
import { messages } from '../support/receiver.ts'
import { TestClock } from '../support/test-clock.ts'
import { answering, type LocalWebhook, startWebhook } from '../support/webhook.ts'

const NEVER = new AbortController().signal

/** @param url an address other than that of the webhook */
function openSink(t: Test, { url, secretsFile }: LocalWebhook, { allowsPrivate = true, at = url } = {}) {
  const clock = new TestClock()
  const sink = openWebhookSink({ kind: 'webhook', url: at, subscription: 'erp' }, { secretsFile, allowsPrivate, clock })
  t.teardown(() => sink.close())
  return sink
}

async function open(t: Test) {
  const webhook = await startWebhook(t)
  const sink = openSink(t, webhook)
  const send = async (names: string, signal = NEVER): Promise<SendResult> =>
    (await sink.send(messages(names), signal))[0] as SendResult
  return { webhook, send }
}

test('an event is posted as a CloudEvent with the signature of Standard Webhooks', async (t) => {
  const { webhook, send } = await open(t)
  t.same(await send('a'), { kind: 'taken' })
  const [call] = webhook.calls
  const { headers, body } = call as NonNullable<typeof call>
  t.match(call, { method: 'POST', url: '/hooks?from=intake', body: messages('a')[0]?.json })
  t.equal(headers['content-type'], 'application/cloudevents+json; charset=utf-8')
  t.equal(headers['webhook-id'], idOf('a'))
  t.equal(headers['webhook-timestamp'], `${NOON / 1000}`)
  t.equal(headers['webhook-signature'], new Webhook(webhook.secret).sign(idOf('a'), new Date(NOON), body))
})

test('calls share connections', async (t) => {
  const { webhook, send } = await open(t)
  for (const name of 'abcdefghijklmnopqrst') await send(name)
  t.ok(webhook.connections < 10)
})

for (const status of [200, 201, 202, 204]) {
  test(`${status} takes the event`, async (t) => {
    const { webhook, send } = await open(t)
    webhook.answer = answering(status)
    t.same(await send('a'), { kind: 'taken' })
  })
}

for (const status of [408, 429, 500, 502, 503, 504, 599]) {
  test(`${status} is the fault of the receiver`, async (t) => {
    const { webhook, send } = await open(t)
    webhook.answer = answering(status)
    t.same(await send('a'), { kind: 'failed', reason: `The answer was ${status}`, retryAfterMs: 0 })
  })
}

for (const status of [301, 302, 303, 307, 308, 400, 401, 404, 422]) {
  test(`${status} refuses the event, and no redirect is followed`, async (t) => {
    const { webhook, send } = await open(t)
    webhook.answer = answering(status, { location: '/elsewhere' })
    t.same(await send('a'), { kind: 'refused', reason: `The answer was ${status}` })
    t.equal(webhook.calls.length, 1)
  })
}

test('410 says that the receiver wants no more events', async (t) => {
  const { webhook, send } = await open(t)
  webhook.answer = answering(410)
  t.same(await send('a'), { kind: 'gone', reason: 'The answer was 410' })
})

test('Retry-After is read as seconds or a date', async (t) => {
  const { webhook, send } = await open(t)
  const inAMinute = new Date(NOON + 60_000).toUTCString()
  const before = new Date(NOON - 60_000).toUTCString()
  for (const [after, retryAfterMs] of [
    ['120', 120_000],
    [inAMinute, 60_000],
    [before, 0],
    ['soon', 0],
    ['-5', 0],
  ] as const) {
    webhook.answer = answering(503, { 'retry-after': after })
    t.match(await send('a'), { kind: 'failed', retryAfterMs }, after)
  }
})

test('no connection and one that breaks off give their reason in one line', async (t) => {
  const { webhook, send } = await open(t)
  webhook.answer = (response) => response.destroy()
  t.match(await send('a'), { kind: 'failed', reason: /closed|ECONNRESET/ })
  await webhook.stop()
  t.match(await send('a'), { kind: 'failed', reason: /ECONNREFUSED/ })
})

test('a call that is given up ends at once', async (t) => {
  const { webhook, send } = await open(t)
  webhook.answer = () => {}
  const call = new AbortController()
  const sent = send('a', call.signal)
  setTimeout(() => call.abort(), 50)
  t.match(await sent, { kind: 'failed', reason: /abort/i })
})

test('each event of a batch has its own result, also where one is never answered', async (t) => {
  const webhook = await startWebhook(t)
  const sink = openSink(t, webhook)
  webhook.answer = (response, { data }) => data.name !== 'b' && answering(data.name === 'c' ? 422 : 204)(response)
  const results = await sink.send(messages('abcd'), NEVER)
  t.match(results, [{ kind: 'taken' }, { kind: 'failed', reason: /Timeout/ }, { kind: 'refused' }, { kind: 'taken' }])
})

test('an answer without end holds up nobody', async (t) => {
  const { webhook, send } = await open(t)
  let written = 0
  webhook.answer = (response) => {
    response.writeHead(200)
    const write = (): void => {
      while (!response.destroyed && response.write('x'.repeat(65_536))) written += 65_536
    }
    response.on('drain', write)
    write()
  }
  t.same(await send('a'), { kind: 'taken' })
  webhook.answer = answering(204)
  t.same(await send('b'), { kind: 'taken' })
  t.ok(written < 16_777_216)
})

test('loopback and private addresses are refused when the connection is made, however they are written', async (t) => {
  const webhook = await startWebhook(t)
  const { port } = webhook.url
  const hosts = ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '2130706433', '0x7f.1', '0.0.0.0']
  for (const host of [
    ...hosts,
    '10.0.0.1',
    '172.16.5.4',
    '192.168.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '[fd00::1]',
    '[fe80::1]',
    '[::127.0.0.1]',
    '[64:ff9b::127.0.0.1]',
    '[64:ff9b:1::127.0.0.1]',
    '[2002:7f00:1::]',
  ]) {
    const sink = openSink(t, webhook, { allowsPrivate: false, at: new URL(`http://${host}:${port}/`) })
    const [result] = await sink.send(messages('a'), NEVER)
    t.match(result, { kind: 'failed', reason: /is a private address, which FORWARD_PRIVATE=true/ }, host)
  }
  t.equal(webhook.connections, 0)
})

test('where private addresses are allowed a name leads to them', async (t) => {
  const webhook = await startWebhook(t)
  const sink = openSink(t, webhook, { at: new URL(`http://localhost:${webhook.url.port}/`) })
  t.same(await sink.send(messages('a'), NEVER), [{ kind: 'taken' }])
})

test('secrets that cannot be used stop the start with one line that quotes none of them', async (t) => {
  const secretsFile = join(t.testdir(), 'secrets.json')
  const refusal = (content: unknown, mode = 0o600): string => {
    writeFileSync(secretsFile, typeof content === 'string' ? content : JSON.stringify(content))
    chmodSync(secretsFile, mode)
    return refusalOf(secretsFile)
  }
  const secret = `whsec_${'S3cret'.repeat(8)}`
  t.equal(refusal({ erp: secret }), '')
  t.equal(refusal({ erp: secret }, 0o440), '')
  for (const mode of [0o604, 0o602, 0o620]) t.match(refusal({ erp: secret }, mode), /others can read or change it/)
  t.match(refusal({ lab: secret }), /has no secret for the subscription erp$/)
  t.match(refusal({ erp: 'S3cret' }), /the secret of erp must be whsec_ and 24 to 64 bytes in base64$/)
  t.match(refusal({ erp: [secret] }), /the secret of erp must be/)
  for (const content of [`{"erp": ${secret}`, '"S3cret"', 'null', ''])
    t.match(refusal(content), /must be a JSON object/)
  t.match(refusalOf('/nowhere/secrets.json'), /cannot be read \(ENOENT\)$/)
  t.equal(refusalOf(null), 'WEBHOOK_SECRETS_FILE: must be set for the webhook #erp')
  t.notMatch(refusal({ erp: 'S3cret' }), /S3cret/)
})

function refusalOf(secretsFile: string | null): string {
  const address = { kind: 'webhook', url: new URL('https://erp.example'), subscription: 'erp' } as const
  try {
    void openWebhookSink(address, { secretsFile, allowsPrivate: false, clock: new TestClock() }).close()
    return ''
  } catch (error) {
    return (error as Error).message
  }
}
