import { type Test, test } from 'tap'
import type { Clock } from '../../src/kit/clock.ts'
import { Forwarder } from '../../src/outbox/forwarder.ts'
import type { CloudEvent } from '../../src/outbox/message.ts'
import type { Sink } from '../../src/outbox/sink.ts'
import type { EventQueue, QueueStats } from '../../src/stores/ports.ts'
import { openMemoryQueue } from '../../src/stores/sqlite/memory.ts'
import { bound } from '../support/receiver.ts'
import { until } from '../support/sqs.ts'
import { TestClock } from '../support/test-clock.ts'
import { events } from './submissions.ts'

/** A real receiver of a sink, and what a test can do to it. */
export interface SinkReceiver {
  /** Opens a sink to it. */
  open(clock: Clock): Promise<Sink>
  /** Takes everything, from now on. */
  accept(): unknown
  /** Takes nothing for the moment. */
  throttle(): unknown
  /** Takes only some events for the moment. */
  throttleSome(): unknown
  /** Takes `POISON` never. */
  refusePoison(): unknown
  /** Does not answer. */
  hang(): unknown
  /** Goes away: connections are refused. */
  stop(): Promise<unknown>
  /** Comes back with what it has taken. */
  start(): Promise<unknown>
  /** Every event that it has taken. */
  taken(): Promise<CloudEvent[]> | CloudEvent[]
  /** Whether it drops what it gets twice. */
  dropsRepeats: boolean
}

/** A name so long that the receiver can be made to refuse it. */
const POISON = '\u{1f339}'.repeat(200)
const SINK = 'sink'
const NOTHING = { ready: 0, leased: 0, delayed: 0, dead: 0 }

/** A forwarder between a queue in memory and a receiver. */
async function forward(t: Test, receiver: SinkReceiver, maxReceives: number) {
  const clock = new TestClock()
  const queue = openMemoryQueue({ clock, maxReceives })
  await queue.subscribe(SINK, 'end')
  let calls = 0
  const stop = async (forwarder: Forwarder): Promise<void> => {
    let isStopped = false
    void forwarder.stop().then(() => {
      isStopped = true
    })
    await until(
      () => isStopped,
      () => clock.advance(1_000),
    )
  }
  const start = async (of: EventQueue = queue): Promise<Forwarder> => {
    const sink = await receiver.open(clock)
    const counted: Sink = {
      batchSize: sink.batchSize,
      close: () => sink.close(),
      send: (messages, signal) => {
        calls++
        return sink.send(messages, signal).finally(() => calls--)
      },
    }
    const log = { info() {}, warn() {} }
    const options = { subscription: SINK, source: '/formulas', clock, random: () => 1, log }
    const forwarder = new Forwarder(of, counted, options)
    t.teardown(() => stop(forwarder))
    forwarder.start()
    return forwarder
  }
  const namesTaken = async (): Promise<string[]> => (await receiver.taken()).map(({ data }) => data.name).sort()
  return {
    clock,
    queue,
    start,
    stop,
    publish: (...names: string[]) => queue.release(`of-${names}`, events(names)),
    stats: (): Promise<QueueStats> => queue.stats(SINK),
    namesTaken,
    /** Lets time pass until it holds, except during calls, which would seem slow otherwise. */
    whileTimePasses: (holds: () => boolean | Promise<boolean>) => until(holds, () => calls === 0 && clock.advance(250)),
    /** Lets time pass until it holds, during calls too. */
    whileCallsHang: (holds: () => boolean | Promise<boolean>) => until(holds, () => clock.advance(250)),
  }
}

const isEmpty = ({ ready, leased, delayed }: QueueStats): boolean => ready + leased + delayed === 0

const NAMES = Array.from({ length: 25 }, (_, index) => `Formula ${index + 10}`)

/** What a sink promises together with the forwarder, whatever its receiver does. */
export function sinkContract(name: string, startReceiver: (t: Test) => Promise<SinkReceiver>): void {
  /** By default the first lease is the last one: whatever counts a receive without cause makes a dead letter. */
  const open = async (t: Test, maxReceives = 1) => {
    const receiver = await startReceiver(t)
    return { receiver, ...(await forward(t, receiver, maxReceives)) }
  }

  test(`${name}: what is accepted arrives once and is gone from our queue`, async (t) => {
    const { start, publish, namesTaken, stats } = await open(t)
    await start()
    await publish(...NAMES)
    await until(async () => (await namesTaken()).length >= NAMES.length && isEmpty(await stats()))
    t.same(await namesTaken(), NAMES)
    t.match(await stats(), NOTHING)
  })

  test(`${name}: of what is accepted in part, the rest is sent again`, async (t) => {
    const { receiver, start, publish, namesTaken, stats, whileTimePasses } = await open(t)
    await receiver.throttleSome()
    await start()
    await publish(...NAMES)
    await whileTimePasses(async () => (await namesTaken()).length > 0)
    t.ok((await namesTaken()).length < NAMES.length)
    await receiver.accept()
    await whileTimePasses(async () => isEmpty(await stats()))
    t.same(await namesTaken(), NAMES)
    t.match(await stats(), NOTHING)
  })

  test(`${name}: while it throttles nothing dies, and everything arrives after that`, async (t) => {
    const { receiver, start, publish, namesTaken, stats, whileTimePasses } = await open(t)
    await receiver.throttle()
    const forwarder = await start()
    await publish(...NAMES)
    await whileTimePasses(() => forwarder.health.state === 'failing')
    t.same(await namesTaken(), [])
    await receiver.accept()
    await whileTimePasses(async () => isEmpty(await stats()))
    t.same(await namesTaken(), NAMES)
    t.match(await stats(), NOTHING)
    t.equal(forwarder.health.state, 'forwarding')
  })

  test(`${name}: while it hangs nothing dies, and everything arrives after that`, async (t) => {
    const { receiver, start, publish, namesTaken, stats, whileTimePasses, whileCallsHang } = await open(t)
    await receiver.hang()
    const forwarder = await start()
    await publish(...NAMES)
    await whileCallsHang(() => forwarder.health.state === 'failing')
    t.equal((await stats()).dead, 0)
    await receiver.accept()
    await whileTimePasses(async () => isEmpty(await stats()))
    t.same([...new Set(await namesTaken())], NAMES)
    t.match(await stats(), NOTHING)
  })

  test(`${name}: what it refuses for good becomes a dead letter, and holds up nobody`, async (t) => {
    const { receiver, start, publish, namesTaken, queue, stats, whileTimePasses } = await open(t)
    await receiver.refusePoison()
    const forwarder = await start()
    await publish(POISON, ...NAMES)
    await whileTimePasses(async () => isEmpty(await stats()))
    t.same(await namesTaken(), NAMES)
    t.match(await queue.dead(SINK, 10), { items: [{ reason: 'nacked', body: JSON.stringify({ name: POISON }) }] })
    t.equal(forwarder.health.state, 'forwarding')
  })

  test(`${name}: through an hour without it nothing is lost and nothing dies`, async (t) => {
    const { receiver, clock, start, publish, namesTaken, stats, whileTimePasses } = await open(t)
    await receiver.stop()
    const forwarder = await start()
    await publish(...NAMES.slice(0, 20))
    const end = clock.now() + 3_600_000
    await whileTimePasses(() => forwarder.health.state === 'failing')
    await until(
      () => clock.now() >= end,
      () => clock.advance(20_000),
    )
    await publish(...NAMES.slice(20))
    t.match(await stats(), { dead: 0, delayed: 0 })
    await receiver.start()
    await whileTimePasses(async () => isEmpty(await stats()))
    t.same([...new Set(await namesTaken())], NAMES)
    t.match(await stats(), NOTHING)
    t.equal(forwarder.health.state, 'forwarding')
  })

  test(`${name}: a service that dies between send and ack sends again, and nothing is lost`, async (t) => {
    const { receiver, clock, queue, start, stop, publish, namesTaken, stats, whileTimePasses } = await open(t, 2)
    const dying = new Proxy(queue, {
      get: (of, name) => (name === 'ack' ? () => Promise.reject(new Error('It has died')) : bound(of, name)),
    })
    const forwarder = await start(dying)
    await publish('a')
    await until(async () => (await namesTaken()).length === 1)
    await stop(forwarder)
    clock.advance(60_000)
    await start()
    await whileTimePasses(async () => isEmpty(await stats()))
    t.same(await namesTaken(), receiver.dropsRepeats ? ['a'] : ['a', 'a'])
    t.match(await stats(), NOTHING)
  })
}
