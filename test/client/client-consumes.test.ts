import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { type ConsumeOptions, type Consumer, type Handler, IntakeClient } from '../../client/src/client.ts'
import type { QueueStats } from '../../src/stores/ports.ts'
import { startListening } from '../support/http/service.ts'
import { scriptedService } from '../support/scripted-service.ts'
import { call, formula, startService } from '../support/service-process.ts'
import { until } from '../support/until.ts'

const formulas = (count: number) => Array.from({ length: count }, (_, index) => formula(index + 1, `F${index + 1}`))

const stats = (url: string) => call<QueueStats>(url, '/events/stats')

const untilEmpty = (url: string): Promise<void> =>
  until(async () => {
    const { ready, leased, delayed } = await stats(url)
    return ready + leased + delayed === 0
  })

/** A consumer that ends with its test, and the errors it was told of. */
function consuming(t: Test, url: string, handler: Handler, options: ConsumeOptions = {}) {
  const errors: string[] = []
  const onError = (error: unknown): void => void errors.push(String(error))
  const consumer: Consumer = new IntakeClient({ url }).consume(handler, { onError, ...options })
  t.teardown(() => consumer.stop().catch(() => {}))
  return { consumer, errors }
}

/** A service with events of formulas F1 to F`count`. */
async function serviceWith(t: Test, count: number): Promise<string> {
  const { url } = await startListening(t)
  await new IntakeClient({ url }).submit(formulas(count))
  return url
}

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

test('work that takes longer than a lease is done once: the lease is extended meanwhile, also from others', async (t) => {
  const url = await serviceWith(t, 2)
  const leases: string[] = []
  const handler: Handler = async ({ name, receiveCount }, lost) => {
    leases.push(`${name}: lease ${receiveCount}`)
    await sleep(5000)
    if (lost.aborted) leases.push('lost')
  }
  const two = [1, 2].map(() => consuming(t, url, handler, { leaseSeconds: 2 }))
  await until(() => leases.length === 2)
  await untilEmpty(url)
  t.same(leases.sort(), ['F1: lease 1', 'F2: lease 1'])
  for (const { errors } of two) t.same(errors, [])
})

test('a handler learns that its lease was ended by somebody else', async (t) => {
  const url = await serviceWith(t, 1)
  const leases: number[] = []
  const handler: Handler = async ({ id, receiveCount }, lost) => {
    leases.push(leases.length)
    if (leases.length > 1) return
    await call(url, '/events/release', { ids: [id] })
    await until(() => lost.aborted)
    t.match(lost.reason, { message: 'The lease has ended' })
    t.equal(receiveCount, 1)
  }
  const { errors } = consuming(t, url, handler, { leaseSeconds: 2 })
  await untilEmpty(url)
  t.same(leases, [0, 1])
  t.same(errors, ['Error: The lease ended before the ack'])
})

test('a handler learns that its lease has ended also while the service is unreachable', async (t) => {
  const event = { id: 'x', receipt: 'r', receiveCount: 1 }
  const { url, seen } = await scriptedService(t, ({ url }) => {
    if (url === '/events/ack') return { status: 200, body: { rejected: [{ receipt: 'r' }] } }
    if (url !== '/events/receive') return 'break'
    return seen.length > 1 ? 'silence' : { status: 200, body: { events: [event] } }
  })
  const work = Promise.withResolvers<unknown>()
  const handler: Handler = async (_, lost) => {
    const begun = performance.now()
    await Promise.race([sleep(3000), once(lost, 'abort')])
    work.resolve({ reason: lost.reason, ms: performance.now() - begun })
  }
  consuming(t, url.href, handler, { leaseSeconds: 1 })
  const { reason, ms } = (await work.promise) as { reason: unknown; ms: number }
  t.match(reason, { message: 'The lease has ended' })
  t.ok(ms > 900 && ms < 2000, `after ${ms} ms`)
})

test('a lease that was extended counts from the moment that the extension was sent', async (t) => {
  const event = { id: 'x', receipt: 'r', receiveCount: 1 }
  const ok = { status: 200, body: { rejected: [] } }
  let extended = 0
  const { url, seen } = await scriptedService(t, ({ url }) => {
    if (url === '/events/extend') return ++extended > 5 ? 'silence' : ok
    if (url !== '/events/receive') return ok
    return seen.length > 1 ? 'silence' : { status: 200, body: { events: [event] } }
  })
  const work = Promise.withResolvers<number>()
  const begun = performance.now()
  const handler: Handler = async (_, lost) => {
    await Promise.race([sleep(5000), once(lost, 'abort')])
    work.resolve(performance.now() - begun)
  }
  consuming(t, url.href, handler, { leaseSeconds: 1 })
  const ms = await work.promise
  t.ok(ms > 2500 && ms < 4000, `after ${ms} ms: five extensions a third of a second apart, and a lease`)
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

test('once it has stopped, no extension is under way that would keep the process alive', async (t) => {
  const event = { id: 'x', receipt: 'r', receiveCount: 1 }
  const isExtended = Promise.withResolvers<void>()
  const { url, seen } = await scriptedService(t, ({ url }) => {
    if (url === '/events/ack') return { status: 200, body: { rejected: [] } }
    if (url === '/events/extend') isExtended.resolve()
    return seen.length > 1 ? 'silence' : { status: 200, body: { events: [event] } }
  })
  const { consumer, errors } = consuming(t, url.href, () => isExtended.promise, { leaseSeconds: 1 })
  await isExtended.promise
  await consumer.stop()
  const stopped = performance.now()
  await until(() => seen.every(({ isOver }) => isOver))
  t.ok(performance.now() - stopped < 5000, 'a try has 60 seconds')
  t.same(errors, [])
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
