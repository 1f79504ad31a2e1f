import type { ClientHistory } from '../client-history.ts'
import type { Lease, Leases } from './leases.ts'
import { deadEvents, reportTwice, type StoredFormula, stats } from './reads.ts'
import type { Send } from './send.ts'
import type { Report, Submissions } from './submissions.ts'

/** The lease of events that are received for the check, in seconds. */
const LEASE_SECONDS = 600

/** Checks the number of events: one for each formula without an ack. */
export async function judgeStats(send: Send, leases: Leases, stored: StoredFormula[], report: Report): Promise<void> {
  const { ready, leased, delayed, dead } = await stats(send, leases.subscription)
  const acks = stored.map(({ id }) => leases.ackOf(id))
  const most = acks.filter((ack) => ack !== 'acked').length
  const least = acks.filter((ack) => ack === 'none').length
  const there = ready + leased + delayed + dead
  if (there < least || there > most) {
    report(
      `${leases.subscription}: ${there} events (${ready} + ${leased} + ${delayed} + ${dead}), not ${least} to ${most}`,
    )
  }
}

export interface DrainOptions {
  report: Report
  patienceMs: number
  pause(ms: number): Promise<void>
  inOrder: boolean
}

/** Receives, checks and acks every event; dead letters stay. */
export async function judgeDrained(
  history: ClientHistory,
  send: Send,
  leases: Leases,
  submissions: Submissions,
  stored: StoredFormula[],
  options: DrainOptions,
): Promise<void> {
  const { report } = options
  const acks = new Map(stored.map(({ id }) => [id, leases.ackOf(id)]))
  const { subscription } = leases
  const drained = await drain(history, send, subscription, options)
  const dead = await deadEvents(send, subscription)
  const all = [...drained, ...dead]
  reportTwice('events: formula', all, ({ id }) => id, report)
  const there = new Set(all.map(({ id }) => id))
  for (const { name, id, receiveCount } of dead) {
    if (acks.get(id) === 'acked') report(`event of ${name}: dead after its ack`)
    if (!acks.has(id)) report(`event without its formula: ${name}`)
    if (receiveCount !== leases.maxReceives) report(`event of ${name}: dead after ${receiveCount} leases`)
  }
  for (const { id, name } of stored) {
    const is = there.has(id)
    if (!is && acks.get(id) === 'none') report(`event of ${name}: lost in ${subscription}`)
    if (!is) leases.isGone(id)
  }
  // Returned events move to the front, redriven ones to the back: only the order of first leases is promised.
  const firstLeases = drained.filter((lease) => leases.isFirst(lease))
  if (options.inOrder) {
    submissions.judgeOrder(firstLeases, (early, late) => report(`event of ${early}: came after that of ${late}`))
  }
  for (let first = 0; first < drained.length; first += 100) {
    const receipts = drained.slice(first, first + 100).map(({ receipt }) => receipt)
    const refused = await history.ack(send, receipts)
    if (refused === null || refused.size > 0) report('the acks of the check are refused')
  }
  const { ready, leased, delayed } = await stats(send, subscription)
  if (ready + leased + delayed > 0) report(`after every ack ${ready} + ${leased} + ${delayed} events are left`)
}

/** Receives all events, also those whose leases or delays have not ended yet. */
async function drain(
  history: ClientHistory,
  send: Send,
  subscription: string,
  { report, patienceMs, pause }: DrainOptions,
): Promise<Lease[]> {
  const drained: Lease[] = []
  for (let waited = 0; ; ) {
    const got = await history.receive(send, 100, LEASE_SECONDS, 0, subscription)
    if (got === null) throw new Error('receive is not answered')
    drained.push(...got)
    if (got.length > 0) continue
    const { ready, leased, delayed } = await stats(send, subscription)
    if (ready === 0 && delayed === 0 && leased <= drained.length) return drained
    if (waited >= patienceMs) {
      report(`events do not come: ${ready} ready, ${leased - drained.length} leased, ${delayed} delayed`)
      return drained
    }
    waited += 100
    await pause(100)
  }
}
