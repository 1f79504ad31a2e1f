import type { Test } from 'tap'
import { Forwarder } from '../../src/outbox/forwarder.ts'
import { toCloudEvent } from '../../src/outbox/message.ts'
import type { Message, SendResult, Sink } from '../../src/outbox/sink.ts'
import type { EventQueue } from '../../src/stores/ports.ts'
import { openMemoryQueue } from '../../src/stores/sqlite/memory.ts'
import { DEFAULT, show } from '../contract/leasing.ts'
import { events } from '../contract/submissions.ts'
import { TestClock } from './test-clock.ts'

/** A call to the receiver that has not been answered yet. */
export interface Open {
  names: string
  signal: AbortSignal
  answer(...sent: SendResult[]): void
  fail(message?: string): void
}

export const TAKEN: SendResult = { kind: 'taken' }
export const FAILED: SendResult = { kind: 'failed', reason: 'not now' }
export const REFUSED: SendResult = { kind: 'refused', reason: 'too odd' }

/** Events as a sink gets them, one for each name. */
export const messages = (...of: Parameters<typeof events>): Message[] =>
  events(...of).map((event) => ({ id: event.id, json: JSON.stringify(toCloudEvent(event, '/formulas')) }))

/** A receiver that answers when a test says so. */
export class Receiver implements Sink {
  readonly batchSize = 10
  readonly open: Open[] = []
  closed = false

  send(messages: Message[], signal: AbortSignal): Promise<SendResult[]> {
    const { promise, resolve, reject } = Promise.withResolvers<SendResult[]>()
    this.open.push({
      names: messages.map(({ json }) => JSON.parse(json).data.name).join(''),
      signal,
      answer: (...sent) => resolve(messages.map((_, index) => sent[index] ?? (sent[0] as SendResult))),
      fail: (message = 'down') => reject(new Error(message)),
    })
    return promise
  }

  close(): void {
    this.closed = true
  }

  /** Hands over the open calls: the caller answers them. */
  take(): Open[] {
    return this.open.splice(0)
  }
}

/** Lets everything run that does not wait for time. */
export const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

export async function start(t: Test, { maxReceives = 2, wrap = (queue: EventQueue) => queue } = {}) {
  const clock = new TestClock()
  const queue = openMemoryQueue({ clock, maxReceives })
  const receiver = new Receiver()
  const lines: string[] = []
  const log = {
    info: (_: object, message: string) => lines.push(`info: ${message}`),
    warn: (_: object, message: string) => lines.push(`warn: ${message}`),
  }
  const forwarder = new Forwarder(wrap(queue), receiver, {
    subscription: DEFAULT,
    source: '/formulas',
    clock,
    random: () => 1,
    log,
  })
  t.teardown(async () => {
    const stopped = forwarder.stop()
    await settle()
    clock.advance(60_000)
    await stopped
  })
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms)
    await settle()
  }
  /** Answers the only open call. */
  const soleCall = async (handle: (call: Open) => void): Promise<string> => {
    await settle()
    const [call, ...others] = receiver.take()
    if (call === undefined || others.length > 0) throw new Error(`${others.length + 1} calls`)
    handle(call)
    await settle()
    return call.names
  }
  return { clock, queue, receiver, forwarder, lines, pass, soleCall }
}

/** Starts a forwarder that is known to fail: a batch and its probe have failed. */
export async function startFailing(t: Test, names: string) {
  const all = await start(t)
  await show(all.queue, names)
  all.forwarder.start()
  await all.soleCall((call) => call.fail())
  await all.pass(500)
  await all.soleCall((call) => call.fail())
  return all
}

/** A member of an object, bound to it if it is a function. */
export const bound = <T extends object>(of: T, name: string | symbol): unknown => {
  const value: unknown = Reflect.get(of, name)
  return typeof value === 'function' ? value.bind(of) : value
}
