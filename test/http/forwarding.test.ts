import type { FastifyInstance } from 'fastify'
import { type Test, test } from 'tap'
import type { ForwarderHealth } from '../../src/outbox/circuit-breaker.ts'
import type { DeadEvent, QueueStats } from '../../src/stores/ports.ts'
import { scrape } from '../support/http/scrape.ts'
import { type Client, errorOf, formula, formulasOf, type Service, startService } from '../support/http/service.ts'
import { always, answer, type LocalSqs, losing, refusing, startSqs, until } from '../support/sqs.ts'
import { TestClock } from '../support/test-clock.ts'

interface Forwarding extends Service {
  sqs: LocalSqs
  clock: TestClock
  /** Submits `count` formulas. @returns their ids, sorted */
  publish(count: number): Promise<string[]>
  stats(): Promise<QueueStats>
  /** Waits until nothing is ready, leased or delayed, and checks that nothing is dead. */
  untilEmpty(): Promise<void>
  /** Lets time pass until it holds, except during calls to SQS, which would seem slow otherwise. */
  whileTimePasses(holds: () => boolean | Promise<boolean>): Promise<void>
}

/** A service that forwards to a local SQS queue. */
async function start(t: Test, name = 'formulas', attributes: Record<string, string> = {}): Promise<Forwarding> {
  const sqs = await startSqs(t, name, attributes)
  const clock = new TestClock()
  const service = await startService(t, { SQS_QUEUE_URL: sqs.queueUrl }, { clock })
  t.teardown(() => void clock.advance(60_000))
  const stats = async (): Promise<QueueStats> => (await service.get('/events/stats')).json()
  let published = 0
  return {
    ...service,
    sqs,
    clock,
    async publish(count) {
      const list = Array.from({ length: count }, () => formula(++published))
      return formulasOf(await service.submit(list))
        .map(({ id }) => id)
        .sort()
    },
    stats,
    async untilEmpty() {
      await until(async () => isEmpty(await stats()))
      t.same(await stats(), NOTHING)
    },
    whileTimePasses: (holds) => until(holds, () => sqs.pending === 0 && clock.advance(250)),
  }
}

const upOf = async (service: Client) =>
  (await scrape(service)).value('intake_forwarder_up', { subscription: 'default' })

const healthOf = ({ forwarder }: FastifyInstance) => forwarder.health().get('default') as ForwarderHealth

const NOTHING: QueueStats = { ready: 0, leased: 0, delayed: 0, dead: 0, oldestReadyAgeSeconds: null }

const isEmpty = ({ ready, leased, delayed }: QueueStats): boolean => ready + leased + delayed === 0

for (const name of ['formulas', 'formulas.fifo']) {
  test(`every event arrives in ${name}, once, and is gone from our queue`, async (t) => {
    const { sqs, publish, untilEmpty } = await start(t, name)
    const ids = await publish(250)
    await until(() => sqs.ids().length >= 250)
    t.same(sqs.ids(), ids)
    await untilEmpty()
    t.ok(sqs.calls.length < 60, 'in batches')
  })
}

test('where events are forwarded nobody else receives them, and all else stays', async (t) => {
  const { get, post, app } = await start(t)
  errorOf(t, await post('/events/receive', { max: 10 }), 409, 'EVENTS_FORWARDED')
  errorOf(t, await post('/events/receive'), 409, 'EVENTS_FORWARDED')
  for (const url of ['/events/stats', '/events/dead', '/health/ready']) t.equal((await get(url)).statusCode, 200, url)
  t.equal((await post('/events/dead/redrive')).statusCode, 200)
  t.same((await post('/events/ack', { receipts: ['x'] })).json(), {
    acked: 0,
    rejected: [{ receipt: 'x', code: 'RECEIPT_STALE' }],
  })
  t.match(healthOf(app), { state: 'forwarding', reason: null })
  t.ok(app.forwarder.forwards('default'))
})

test('where nothing is forwarded the events are for those who receive them', async (t) => {
  const service = await startService(t)
  const { app, post } = service
  t.equal(app.forwarder.health().size, 0)
  t.notOk(app.forwarder.forwards('default'))
  t.equal(await upOf(service), undefined)
  t.equal((await post('/events/receive')).statusCode, 200)
})

test('through an outage of an hour nothing is lost, nothing dies, and formulas are taken in', async (t) => {
  const service = await start(t, 'formulas.fifo')
  const { sqs, clock, app, publish, stats, untilEmpty, get } = service
  await sqs.stop()
  const ids = await publish(30)
  const end = clock.now() + 3_600_000
  await service.whileTimePasses(() => healthOf(app).state === 'failing')
  t.match(healthOf(app).reason, /ECONNREFUSED/)
  await until(
    () => clock.now() >= end,
    () => clock.advance(20_000),
  )
  t.same((await get('/health/ready')).statusCode, 200, 'the service is ready all the while')
  t.equal(await upOf(service), 0)
  ids.push(...(await publish(5)))
  const { ready, leased, dead, delayed } = await stats()
  t.equal(ready + leased, 35)
  t.equal(dead + delayed, 0)
  await sqs.start()
  await service.whileTimePasses(() => sqs.ids().length >= 35)
  t.same(sqs.ids(), ids.sort())
  t.equal(healthOf(app).state, 'forwarding')
  t.equal(await upOf(service), 1)
  await untilEmpty()
})

test('while SQS throttles, it asks ever less, and what was throttled arrives', async (t) => {
  const service = await start(t)
  const { sqs, app, publish, untilEmpty } = service
  sqs.fault = always(400, 'RequestThrottled')
  const ids = await publish(40)
  await service.whileTimePasses(() => healthOf(app).state === 'failing')
  t.match(healthOf(app).reason, /^RequestThrottled/)
  t.equal(sqs.calls.at(-1)?.Entries.length, 1, 'a probe is one event')
  sqs.fault = null
  await service.whileTimePasses(() => sqs.ids().length >= 40)
  t.same(sqs.ids(), ids)
  await untilEmpty()
})

for (const SenderFault of [false, true]) {
  test(`entries throttled within a batch (sender at fault: ${SenderFault}) are sent again, the others not`, async (t) => {
    const service = await start(t)
    const { sqs, publish, stats } = service
    let left = 20
    sqs.fault = refusing({ Code: 'ThrottlingException', SenderFault }, ({ Id }) => Number(Id) % 3 === 1 && left-- > 0)
    const ids = await publish(50)
    await service.whileTimePasses(async () => isEmpty(await stats()))
    t.same(sqs.ids(), ids)
    t.same(await stats(), NOTHING)
  })
}

test('an answer that gets lost may have its events sent twice, never lost', async (t) => {
  const service = await start(t)
  const { sqs, publish, stats } = service
  sqs.fault = losing(2)
  const ids = await publish(20)
  await service.whileTimePasses(async () => isEmpty(await stats()))
  t.same([...new Set(sqs.ids())], ids)
  t.ok(sqs.ids().length > 20, 'some came twice')
  t.equal((await stats()).dead, 0)
})

test('a FIFO queue drops what is sent twice within five minutes', async (t) => {
  const service = await start(t, 'formulas.fifo')
  const { sqs, publish, stats } = service
  sqs.fault = losing(2)
  const ids = await publish(20)
  await service.whileTimePasses(async () => isEmpty(await stats()))
  t.same(sqs.ids(), ids)
})

test('a poison message becomes a dead letter, holds up nobody, and can be redriven', async (t) => {
  const service = await start(t, 'formulas', { MaximumMessageSize: '1024' })
  const { sqs, submit, publish, get, post, stats } = service
  const [poison] = formulasOf(await submit(formula(1000, '\u{1f339}'.repeat(200))))
  const ids = await publish(20)
  await service.whileTimePasses(async () => (await stats()).dead === 1)
  t.same(sqs.ids(), ids)
  const { events } = (await get('/events/dead')).json() as { events: DeadEvent[] }
  t.match(events, [{ id: poison?.id, reason: 'nacked', receiveCount: 5 }])
  t.match(await stats(), { ready: 0, leased: 0, delayed: 0 })

  await sqs.configure({ MaximumMessageSize: '262144' })
  t.same((await post('/events/dead/redrive')).json(), { redriven: 1 })
  await service.whileTimePasses(async () => isEmpty(await stats()))
  t.same(sqs.ids(), [...ids, poison?.id].sort())
  t.same(await stats(), NOTHING)
})

test('a service that closes waits for what is being sent, and leaves the rest in its queue', async (t) => {
  const sqs = await startSqs(t)
  const clock = new TestClock()
  const directory = t.testdir()
  const env = { SQS_QUEUE_URL: sqs.queueUrl, DATABASE_URL: `sqlite:${directory}/formulas.db` }
  const { app, submit } = await startService(t, env, { clock })
  const held: (() => void)[] = []
  sqs.fault = (forward) => held.push(forward)
  const ids = formulasOf(await submit(Array.from({ length: 25 }, (_, index) => formula(index + 1)))).map(({ id }) => id)
  await until(() => held.length === 1)
  const closed = app.close()
  setTimeout(() => held[0]?.(), 100)
  await closed
  t.equal(sqs.ids().length, 10)

  sqs.fault = null
  const again = await startService(t, env, { clock })
  await until(() => sqs.ids().length >= 25)
  t.same(sqs.ids(), ids.sort(), 'each once')
  await until(async () => isEmpty((await again.get('/events/stats')).json()))
})

test('a service that closes while SQS does not answer puts back what it was sending', async (t) => {
  const sqs = await startSqs(t)
  const clock = new TestClock()
  const directory = t.testdir()
  const env = { DATABASE_URL: `sqlite:${directory}/formulas.db`, EVENT_MAX_RECEIVES: '1' }
  const { app, submit } = await startService(t, { ...env, SQS_QUEUE_URL: sqs.queueUrl }, { clock })
  let asked = 0
  sqs.fault = () => void asked++
  await submit(Array.from({ length: 25 }, (_, index) => formula(index + 1)))
  await until(() => asked > 0)
  let isClosed = false
  const closed = app.close().then(() => {
    isClosed = true
  })
  await until(
    () => isClosed,
    () => clock.advance(100),
  )
  await closed
  const after = await startService(t, env, { clock })
  t.match((await after.get('/events/stats')).json(), { ready: 25, leased: 0, dead: 0 })
})

test('SQS that answers with errors of its own is an outage, not the fault of an event', async (t) => {
  const service = await start(t)
  const { sqs, app, publish, stats } = service
  const faults = [
    [500, 'InternalFailure'],
    [403, 'AccessDeniedException'],
    [400, 'QueueDoesNotExist'],
  ] as const
  let fault: (typeof faults)[number] = faults[0]
  sqs.fault = (_forward, response) => answer(response, fault[0], fault[1])
  const ids = await publish(3)
  for (const next of faults) {
    fault = next
    await service.whileTimePasses(() => healthOf(app).reason?.startsWith(next[1]) === true)
    t.equal(healthOf(app).state, 'failing')
  }
  t.equal((await stats()).dead, 0)
  sqs.fault = null
  await service.whileTimePasses(async () => isEmpty(await stats()))
  t.same(sqs.ids(), ids)
})
