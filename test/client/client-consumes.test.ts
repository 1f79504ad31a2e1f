import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { type ConsumeOptions, type Handler, IntakeClient } from '../../client/src/client.ts'
import { consuming, formulas, serviceWith, stats, untilEmpty } from '../support/consuming.ts'
import { startListening } from '../support/http/service.ts'
import { scriptedService } from '../support/scripted-service.ts'
import { call, formula, startService } from '../support/service-process.ts'
import { until } from '../support/until.ts'

test('each event is handled and acknowledged, in order, and one that comes later too', async (t) => {
  const url = await serviceWith(t, 3)
  const names: string[] = []
  const { consumer, errors } = consuming(t, url, ({ name }) => names.push(name))
  await untilEmpty(url)
  await new IntakeClient({ url }).submit(formula(4, 'F4'))
  await untilEmpty(url)
  await consumer.stop()
  t.same(names, ['F1', 'F2', 'F3', 'F4'])
  t.same(errors, [])
})

test('as many are handled at once as concurrency says, and no more are leased', async (t) => {
  const url = await serviceWith(t, 9)
  let [running, most, leased] = [0, 0, 0]
  consuming(
    t,
    url,
    async () => {
      most = Math.max(most, ++running)
      leased = Math.max(leased, (await stats(url)).leased)
      await sleep(50)
      running--
    },
    { concurrency: 4 },
  )
  await untilEmpty(url)
  t.equal(most, 4)
  t.equal(leased, 4)
})

test('an event whose work fails comes again after a while; the others do not wait for it', async (t) => {
  const url = await serviceWith(t, 2)
  const names: string[] = []
  const handler: Handler = ({ name, receiveCount }) => {
    if (receiveCount === 1 && name === 'F1') throw new Error('no\tpaper')
    names.push(name)
  }
  const { errors } = consuming(t, url, handler)
  await until(() => names.includes('F2'))
  t.match(await stats(url), { delayed: 1 })
  await untilEmpty(url)
  t.same(names, ['F2', 'F1'])
  t.same(errors, ['Error: no\tpaper'])
})

test('an event that cannot be given back comes again when its lease ends, and the consumer goes on', async (t) => {
  const url = await serviceWith(t, 3)
  const names: string[] = []
  const handler: Handler = ({ name, receiveCount }) => {
    if (receiveCount === 1 && name === 'F1') throw new Error('no paper')
    if (receiveCount === 1 && name === 'F2') throw Object.create(null)
    names.push(name)
  }
  const retryDelaySeconds: ConsumeOptions['retryDelaySeconds'] = ({ name }) => {
    if (name === 'F1') throw new Error('no delay')
    return 1
  }
  const errors: string[] = []
  const onError = (error: unknown): void => void errors.push(error instanceof Error ? error.message : 'no error')
  consuming(t, url, handler, { leaseSeconds: 1, retryDelaySeconds, onError })
  await untilEmpty(url)
  t.same(names.toSorted(), ['F1', 'F2', 'F3'])
  t.match(errors, ['no paper', 'no delay', 'no error', /primitive/])
})

test('the reason of a failure is sent as the service takes it, and the delay may be chosen', async (t) => {
  const event = { id: 'x', receipt: 'r', receiveCount: 3 }
  const { url, seen } = await scriptedService(t, ({ url }) => {
    if (url !== '/events/receive') return { status: 200, body: { rejected: [] } }
    return seen.length > 1 ? 'silence' : { status: 200, body: { events: [event] } }
  })
  const handler: Handler = () => Promise.reject(`a\r\nb\ud800${'\u{1f339}'.repeat(600)}`)
  const delay = { retryDelaySeconds: ({ receiveCount }: { receiveCount: number }) => receiveCount * 10 }
  consuming(t, url.href, handler, { subscription: 'lab', include: ['formula'], ...delay })
  await until(() => seen.some(({ url }) => url === '/events/nack'))
  const bodyOf = (path: string) => JSON.parse(seen.find(({ url }) => url === path)?.body ?? '')
  const reason = `a b\ufffd${'\u{1f339}'.repeat(496)}`
  t.same(bodyOf('/events/nack'), { receipts: ['r'], delaySeconds: 30, reason })
  t.same(bodyOf('/events/receive'), {
    max: 1,
    waitSeconds: 20,
    leaseSeconds: 30,
    subscription: 'lab',
    include: ['formula'],
  })
})

test('consumers of two subscriptions both get every event, with its formula; a dead letter shows the last reason', async (t) => {
  const { url } = await startListening(t, { EVENT_MAX_RECEIVES: '1' })
  await fetch(`${url}/subscriptions/lab`, { method: 'PUT' })
  await new IntakeClient({ url }).submit(formulas(2))
  const names: string[] = []
  const lab: Handler = ({ formula }) => names.push(formula?.name ?? '')
  consuming(t, url, lab, { subscription: 'lab', include: ['formula'] })
  consuming(t, url, () => Promise.reject(new Error('no\tpaper')))
  await untilEmpty(url)
  await until(() => names.length === 2)
  t.same(names, ['F1', 'F2'])
  const { events } = await call<{ events: unknown[] }>(url, '/events/dead')
  t.match(events, [
    { name: 'F2', reason: 'nacked', detail: 'no paper' },
    { name: 'F1', reason: 'nacked', detail: 'no paper' },
  ])
})

test('two consumers share the events, and none is handled twice', async (t) => {
  const url = await serviceWith(t, 40)
  const names: [string[], string[]] = [[], []]
  for (const own of names) {
    const handler: Handler = async ({ name }) => {
      own.push(name)
      await sleep(20)
    }
    consuming(t, url, handler, { concurrency: 3 })
  }
  await untilEmpty(url)
  t.ok(names.every(({ length }) => length > 0))
  t.same(
    names.flat().sort(),
    formulas(40)
      .map(({ name }) => name)
      .sort(),
  )
})

test('stopped in the middle, it ends the running handlers, acknowledges their events and takes no more', async (t) => {
  for (const how of ['stop', 'signal']) {
    const url = await serviceWith(t, 5)
    const stopping = new AbortController()
    const done: string[] = []
    const started = Promise.withResolvers<void>()
    const handler: Handler = async ({ name }) => {
      started.resolve()
      await sleep(name === 'F1' ? 500 : 1500)
      done.push(name)
    }
    const { consumer, errors } = consuming(t, url, handler, { concurrency: 2, signal: stopping.signal })
    await started.promise
    if (how === 'stop') void consumer.stop()
    else stopping.abort()
    await consumer.done
    t.same(done.sort(), ['F1', 'F2'], how)
    t.match(await stats(url), { ready: 3, leased: 0, delayed: 0 })
    t.same(errors, [])
  }
})

test('stopped while it waits for an event, it ends at once', async (t) => {
  const { url } = await startListening(t)
  const { consumer } = consuming(t, url, () => {})
  await sleep(300)
  const begun = performance.now()
  await consumer.stop()
  t.ok(performance.now() - begun < 5000, 'long polls last 20 seconds')
  const stopped = consuming(t, url, () => {}, { signal: AbortSignal.abort() })
  await stopped.consumer.done
})

test('waiting for an event does not count as a late answer', async (t) => {
  const { url } = await startListening(t)
  const [names, errors]: [string[], unknown[]] = [[], []]
  const onError = (error: unknown): void => void errors.push(error)
  const consumer = new IntakeClient({ url, timeoutMs: 500 }).consume(({ name }) => names.push(name), { onError })
  t.teardown(() => consumer.stop())
  await sleep(1200)
  await new IntakeClient({ url }).submit(formula(1, 'F1'))
  await untilEmpty(url)
  t.same(names, ['F1'])
  t.same(errors, [])
})

test('it waits for a service that is away, and ends when it is refused', async (t) => {
  const answers = [{ status: 503, headers: { 'retry-after': '1' } }, 'break', { status: 401, body: {} }] as const
  const { url, seen } = await scriptedService(t, () => answers[seen.length - 1] ?? 'silence')
  const { consumer, errors } = consuming(t, url.href, () => {})
  await t.rejects(consumer.done, { status: 401, code: '' })
  t.equal(seen.length, 3)
  t.match(errors, [/503/, /NO_ANSWER/])
})

test('no event is lost when the service is killed and started again while they are handled', async (t) => {
  t.testdir()
  const environment = { DATABASE_URL: 'sqlite:./formulas.db', EVENT_MAX_RECEIVES: '100' }
  const first = await startService(t, environment)
  const { url } = first
  await new IntakeClient({ url }).submit(formulas(30))
  const handled = new Set<string>()
  const handler: Handler = async ({ name }) => {
    await sleep(100)
    handled.add(name)
  }
  consuming(t, url, handler, { concurrency: 3, leaseSeconds: 2 })
  await until(() => handled.size > 5)
  await first.kill('SIGKILL')
  await startService(t, { ...environment, PORT: new URL(url).port })
  await untilEmpty(url)
  t.same(
    [...handled].sort(),
    formulas(30)
      .map(({ name }) => name)
      .sort(),
  )
})
