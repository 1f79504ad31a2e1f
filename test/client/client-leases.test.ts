import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import type { Handler } from '../../client/src/client.ts'
import { consuming, serviceWith, untilEmpty } from '../support/consuming.ts'
import { scriptedService } from '../support/scripted-service.ts'
import { call } from '../support/service-process.ts'
import { until } from '../support/until.ts'

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
