import { setImmediate as settle } from 'node:timers/promises'
import type { Test } from 'tap'
import { LongPoll } from '../../src/outbox/long-poll.ts'
import type { EventQueue, LeasedEvent } from '../../src/stores/ports.ts'
import { openMemoryQueue } from '../../src/stores/sqlite/memory.ts'
import { DEFAULT } from '../contract/leasing.ts'
import { events, namesIn } from '../contract/submissions.ts'
import { TestClock } from './test-clock.ts'

export const LEASE_MS = 30_000
/** A long poll of one event. */
export const ONE = { subscription: DEFAULT, caller: 'a caller', max: 1, leaseMs: LEASE_MS, waitMs: 20_000 }

/** A queue in memory, and long polls of it. */
export function setUp(t: Test) {
  const clock = new TestClock()
  const queue = openMemoryQueue({ clock, maxReceives: 5 })
  const longPoll = new LongPoll(queue, clock)
  t.teardown(() => longPoll.stop())
  let attempts = 0
  const publish = async (...names: string[]): Promise<void> => {
    await queue.release(`attempt-${++attempts}`, events(names))
  }
  const wait = (waitMs = 20_000, signal?: AbortSignal) => longPoll.receive({ ...ONE, waitMs }, signal)
  return { clock, queue, longPoll, publish, wait }
}

/** Lets `receive` of a queue fail or take as long as a test says, one call at a time. */
export function interrupt(
  queue: EventQueue,
  behave: (receive: EventQueue['receive']) => ReturnType<EventQueue['receive']>,
) {
  const receive = queue.receive.bind(queue)
  queue.receive = () => {
    queue.receive = receive
    return behave(receive)
  }
}

/** Starts long polls of several callers; each writes to `log` what it received. */
export async function waitAs(
  { longPoll }: ReturnType<typeof setUp>,
  log: string[],
  ...callers: [caller: string, max: number][]
) {
  for (const [caller, max] of callers) {
    longPoll.receive({ ...ONE, caller, max }).then(
      (events) => log.push(`${caller}: ${names(events).join('')}`),
      () => {},
    )
    await settle()
  }
}

export const names = (events: LeasedEvent[]): string[] => namesIn(events)
