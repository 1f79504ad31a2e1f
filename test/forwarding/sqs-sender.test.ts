import { type Test, test } from 'tap'
import { openSqsSink } from '../../src/outbox/sqs-sink.ts'
import { idOf, NOON, TRACEPARENT } from '../contract/submissions.ts'
import { messages } from '../support/receiver.ts'
import { always, refusing, startSqs } from '../support/sqs.ts'

const NEVER = new AbortController().signal

/** A local queue and a sender to it. */
async function open(t: Test, name?: string, slash = '') {
  const sqs = await startSqs(t, name)
  const sender = await openSqsSink(new URL(sqs.queueUrl + slash))
  t.teardown(() => sender.close())
  return { sqs, sender }
}

test('a standard queue gets each event as a CloudEvent, ten in one call', async (t) => {
  const { sqs, sender } = await open(t)
  const sent = await sender.send(messages('abcdefghij'), NEVER)
  t.same(sent, Array(10).fill({ kind: 'taken' }))
  t.equal(sqs.calls.length, 1)
  t.same(
    sqs.messages().map(({ body }) => body),
    messages('abcdefghij').map(({ json }) => json),
  )
  t.same(Object.keys(sqs.calls[0]?.Entries[0] ?? {}).sort(), ['Id', 'MessageBody'], 'and nothing that FIFO wants')
})

test("a FIFO queue gets the formula's id as deduplication id and group id, and takes an event once", async (t) => {
  const { sqs, sender } = await open(t, 'formulas.fifo', '/')
  t.same(await sender.send(messages('ab'), NEVER), [{ kind: 'taken' }, { kind: 'taken' }])
  t.same(await sender.send(messages('bc'), NEVER), [{ kind: 'taken' }, { kind: 'taken' }])
  t.same(
    sqs.messages().map(({ groupId, deduplicationId }) => ({ groupId, deduplicationId })),
    [...'abc'].map((name) => ({ groupId: idOf(name), deduplicationId: idOf(name) })),
  )
})

test('a repeat is dropped by a FIFO queue though only one of the two names its trace', async (t) => {
  const { sqs, sender } = await open(t, 'formulas.fifo')
  await sender.send(messages('a', NOON, TRACEPARENT), NEVER)
  await sender.send(messages('a'), NEVER)
  t.match(sqs.messages(), { length: 1 })
})

test('a name with characters that SQS refuses arrives as it is', async (t) => {
  const { sqs, sender } = await open(t)
  const odd = messages(['\u{1f339} \ufffe\uffff "Rosé"\\'])
  t.same(await sender.send(odd, NEVER), [{ kind: 'taken' }])
  t.same(
    sqs.messages().map(({ body }) => JSON.parse(body)),
    odd.map(({ json }) => JSON.parse(json)),
  )
})

test('of a batch that is taken in part, each event has its own outcome, in order', async (t) => {
  const { sqs, sender } = await open(t)
  const isMeant = ({ Id }: { Id: string }): boolean => Id === '1'
  sqs.fault = refusing({ Code: 'InternalError', SenderFault: false, Message: 'later' }, isMeant)
  t.same(await sender.send(messages('abc'), NEVER), [
    { kind: 'taken' },
    { kind: 'failed', reason: 'InternalError: later' },
    { kind: 'taken' },
  ])
  sqs.fault = refusing({ Code: 'InvalidMessageContents', SenderFault: true }, isMeant)
  t.match(await sender.send(messages('abc'), NEVER), [{ kind: 'taken' }, { kind: 'refused' }, { kind: 'taken' }])
  t.same(sqs.ids(), [...'acac'].map(idOf).sort())
})

for (const Code of ['KmsAccessDenied', 'KMS.DisabledException', 'AccessDenied', 'ThrottlingException', 'OverLimit']) {
  test(`${Code} is no fault of an event, whoever is said to be at fault`, async (t) => {
    const { sqs, sender } = await open(t)
    sqs.fault = refusing({ Code, SenderFault: true }, () => true)
    t.match(await sender.send(messages('a'), NEVER), [{ kind: 'failed', reason: new RegExp(`^${Code}`) }])
  })
}

test('an event that the answer leaves out is not taken', async (t) => {
  const { sqs, sender } = await open(t)
  sqs.fault = (_forward, response) => response.end('{}')
  t.match(await sender.send(messages('a'), NEVER), [{ kind: 'failed' }])
})

test('a call that fails as a whole gives its reason in one line, without the signed request', async (t) => {
  const { sqs, sender } = await open(t)
  sqs.fault = always(400, 'RequestThrottled')
  await t.rejects(sender.send(messages('a'), NEVER), { message: 'RequestThrottled: It is RequestThrottled' })
  t.equal(sqs.calls.length, 1, 'the SDK does not try again by itself')
  sqs.fault = always(403, 'InvalidClientTokenId\n\nThe Canonical String was secret')
  const { message } = await sender.send(messages('a'), NEVER).then(
    () => new Error('taken'),
    (error) => error,
  )
  t.notMatch(message, /secret|\n/)
  await sqs.stop()
  await t.rejects(sender.send(messages('a'), NEVER), /ECONN(?:REFUSED|RESET)/)
})

test('a call of one event that fails for what is in it refuses the event', async (t) => {
  const { sqs, sender } = await open(t)
  sqs.fault = always(400, 'InvalidMessageContents')
  t.match(await sender.send(messages('a'), NEVER), [{ kind: 'refused' }])
  await t.rejects(sender.send(messages('ab'), NEVER), /InvalidMessageContents/)
})

test('a call that is given up ends at once', async (t) => {
  const { sqs, sender } = await open(t)
  sqs.fault = () => {}
  const call = new AbortController()
  const sent = sender.send(messages('a'), call.signal)
  setTimeout(() => call.abort(), 50)
  await t.rejects(sent, /abort/i)
})

test('a call that is not answered fails, well within a lease', async (t) => {
  const { sqs, sender } = await open(t)
  sqs.fault = () => {}
  const begun = performance.now()
  await t.rejects(sender.send(messages('a'), NEVER), /TimeoutError/)
  t.ok(performance.now() - begun < 10_000)
})

test("without an endpoint of its own the queue's URL tells where it lies", async (t) => {
  const sqs = await startSqs(t)
  delete process.env.AWS_ENDPOINT_URL_SQS
  process.env.AWS_REGION = 'us-east-1'
  t.teardown(() => delete process.env.AWS_REGION)
  const sender = await openSqsSink(new URL(`${sqs.endpoint}/000000000000/formulas`))
  t.teardown(() => sender.close())
  t.same(await sender.send(messages('a'), NEVER), [{ kind: 'taken' }])
})

test('a queue without a region is refused with one line', async (t) => {
  process.env.AWS_CONFIG_FILE = '/nowhere'
  t.teardown(() => delete process.env.AWS_CONFIG_FILE)
  await t.rejects(openSqsSink(new URL('http://127.0.0.1:1/0/formulas')), {
    name: 'ConfigError',
    message: 'The SQS queue at 127.0.0.1:1: its URL names no region; set AWS_REGION',
  })
})

for (const host of ['sqs.eu-west-1.amazonaws.com', 'vpce-1.sqs.eu-west-1.vpce.amazonaws.com']) {
  test(`calls to ${host} are signed for the region that it names`, async (t) => {
    const sqs = await startSqs(t)
    process.env.AWS_REGION = 'us-east-2'
    t.teardown(() => delete process.env.AWS_REGION)
    const sender = await openSqsSink(new URL(`https://${host}/000000000000/formulas`))
    t.teardown(() => sender.close())
    await sender.send(messages('a'), NEVER).catch(() => 'another region, another queue')
    t.same([...sqs.regions], ['eu-west-1'])
  })
}
