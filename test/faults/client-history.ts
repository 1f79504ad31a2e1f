import { DEFAULT_SUBSCRIPTION } from '../../src/stores/ports.ts'
import { judgeFormulas, judgeReplays } from './history/formulas.ts'
import { type Lease, Leases, type Verb } from './history/leases.ts'
import { judgeDrained, judgeStats } from './history/queue.ts'
import { cleanups, each, newestFormulas, type StoredFormula } from './history/reads.ts'
import type { Reply, Send } from './history/send.ts'
import { type FormulaBody, type OnDuplicate, type Submission, Submissions } from './history/submissions.ts'

export type { Lease } from './history/leases.ts'
export { type Reply, resending, type Send, sendInto, sendTo } from './history/send.ts'
export type { FormulaBody, OnDuplicate } from './history/submissions.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

export interface ClientHistoryOptions {
  /** EVENT_MAX_RECEIVES of the service. */
  maxReceives: number
  /** The service's clock, in milliseconds since the epoch. */
  now?: () => number
  /** Waits on the service's clock. */
  pause?: (ms: number) => Promise<void>
  /** Whether events arrive in the order of their formulas; not promised when the queue can fail on its own. */
  inOrder?: boolean
  /** What consumers read; the default subscription alone unless given. */
  subscriptions?: readonly string[]
}

export interface JudgeOptions {
  /** Checks every answer so far, and receives and acks every event; otherwise only checks new answers. */
  whole: boolean
  /** How long cleanups and current leases may take to end, in milliseconds. */
  patienceMs?: number
}

/**
 * The requests of all clients and their answers, known only from HTTP, through restarts of the service. `judge` checks the
 * service against them. Clients send through the history. Each formula must have its own name, which shows the submission
 * that stored it; compositions may be shared.
 */
export class ClientHistory {
  readonly #options: Required<ClientHistoryOptions>
  #submissions = new Submissions()
  /** Of each subscription. */
  #leases: readonly Leases[]
  #tick = 0
  readonly #violations: string[] = []
  /** Formulas as reads returned them, by id; they must not change. */
  readonly #shown = new Map<string, { at: number; text: string }>()
  /** The stored formulas at the last check, oldest first. */
  #stored: StoredFormula[] = []
  /** Submissions sent since the last check. */
  #touched = new Set<Submission>()

  constructor({
    maxReceives,
    now = Date.now,
    pause = waitMs,
    inOrder = true,
    subscriptions = [DEFAULT_SUBSCRIPTION],
  }: ClientHistoryOptions) {
    this.#options = { maxReceives, now, pause, inOrder, subscriptions }
    this.#leases = subscriptions.map((name) => new Leases(name, maxReceives))
  }

  get subscriptions(): readonly string[] {
    return this.#options.subscriptions
  }

  /** The logical time of the last request or answer, for `asOf`. */
  get tick(): number {
    return this.#tick
  }

  readonly #report = (violation: string): void => void this.#violations.push(violation)

  /** Submits; `body` is a formula or a list. @returns null if the connection was cut: the outcome is unknown */
  async submit(send: Send, key: string, body: FormulaBody | FormulaBody[], onDuplicate: OnDuplicate = 'reject') {
    const { submission, sent } = this.#submissions.begin(++this.#tick, key, body, onDuplicate)
    this.#touched.add(submission)
    const path = onDuplicate === 'reject' ? '/formulas' : `/formulas?onDuplicate=${onDuplicate}`
    const reply = await unlessCut(send('POST', path, { ...JSON_TYPE, 'idempotency-key': key }, JSON.stringify(body)))
    if (reply !== null) this.#submissions.answer(++this.#tick, submission, sent, reply, this.#report)
    return reply
  }

  /** Reads the newest formulas. */
  async look(send: Send, limit = 50): Promise<void> {
    const reply = await unlessCut(send('GET', `/formulas?limit=${limit}`))
    if (reply === null || !this.#isExpected('GET /formulas', reply)) return
    for (const formula of JSON.parse(reply.body).formulas) this.#show(formula)
  }

  #show(formula: StoredFormula): void {
    const text = JSON.stringify(formula)
    const before = this.#shown.get(formula.id)
    if (before === undefined) this.#shown.set(formula.id, { at: ++this.#tick, text })
    else if (before.text !== text) this.#report(`shown as ${before.text}, then as ${text}`)
  }

  /** @returns the leases; null when the connection was cut */
  async receive(
    send: Send,
    max: number,
    leaseSeconds: number,
    waitSeconds = 0,
    subscription = DEFAULT_SUBSCRIPTION,
  ): Promise<Lease[] | null> {
    const sent = ++this.#tick
    const body = JSON.stringify({ subscription, max, leaseSeconds, waitSeconds })
    const reply = await unlessCut(send('POST', '/events/receive', JSON_TYPE, body))
    if (reply === null || !this.#isExpected('receive', reply)) return null
    const { events } = JSON.parse(reply.body)
    if (events.length > max) this.#report(`${events.length} events received, ${max} asked for`)
    return this.#leasesOf(subscription).receive(sent, ++this.#tick, this.#options.now(), events, this.#report)
  }

  #leasesOf(subscription: string): Leases {
    return this.#leases.find((leases) => leases.subscription === subscription) as Leases
  }

  ack = (send: Send, receipts: string[]) => this.#settle(send, 'ack', receipts, {})

  nack = (send: Send, receipts: string[], delaySeconds = 0) => this.#settle(send, 'nack', receipts, { delaySeconds })

  extend = (send: Send, receipts: string[], leaseSeconds: number) =>
    this.#settle(send, 'extend', receipts, { leaseSeconds })

  /**
   * @param receipts all of one subscription
   * @returns those that were refused; null when the connection was cut
   */
  async #settle(send: Send, verb: Verb, receipts: string[], more: { leaseSeconds?: number; delaySeconds?: number }) {
    const { now } = this.#options
    const leaseMs = more.leaseSeconds === undefined ? null : more.leaseSeconds * 1000
    const leases = this.#leases.find((leases) => receipts.some(leases.has)) ?? this.#leasesOf(DEFAULT_SUBSCRIPTION)
    const settling = leases.settle(verb, ++this.#tick, now(), receipts)
    if (leaseMs !== null) settling.mayEnd(now() + leaseMs)
    const reply = await unlessCut(send('POST', `/events/${verb}`, JSON_TYPE, JSON.stringify({ receipts, ...more })))
    if (leaseMs !== null) settling.mayEnd(now() + leaseMs)
    if (reply === null || !this.#isExpected(verb, reply)) return null
    const { rejected, [`${verb}ed`]: accepted } = JSON.parse(reply.body)
    const refused = new Set<string>(rejected.map(({ receipt }: { receipt: string }) => receipt))
    if (accepted !== receipts.length - rejected.length) this.#report(`${verb} counts wrong: ${reply.body}`)
    settling.answered(++this.#tick, now(), refused, this.#report)
    return refused
  }

  /** Sends all dead letters to the back of the queue. */
  async redrive(send: Send, subscription = DEFAULT_SUBSCRIPTION): Promise<void> {
    const leases = this.#leasesOf(subscription)
    leases.redrive(++this.#tick)
    const reply = await unlessCut(send('POST', '/events/dead/redrive', JSON_TYPE, JSON.stringify({ subscription })))
    leases.redrive(++this.#tick)
    if (reply !== null) this.#isExpected('redrive', reply)
  }

  #isExpected(what: string, { status, body }: Reply): boolean {
    if (status !== 200 && status !== 503) this.#report(`${what} answers ${status} ${body}`)
    return status === 200
  }

  /**
   * Checks a service without other clients. Sends submissions of unknown outcome again.
   * @returns all violations since the last check
   */
  async judge(send: Send, { whole, patienceMs = 20_000 }: JudgeOptions): Promise<string[]> {
    try {
      await this.#untilCleanedUp(send, patienceMs)
      await this.#readStored(send, whole)
      const before = new Set(this.#stored.map(({ name }) => name))
      const replayed = whole ? this.#submissions.all() : [...this.#touched]
      await judgeReplays(this, send, replayed, before, this.#report)
      await this.#readStored(send, false)
      judgeFormulas(this.#submissions, this.#stored, this.#report)
      for (const leases of this.#leases) {
        await judgeStats(send, leases, this.#stored, this.#report)
        if (whole)
          await judgeDrained(this, send, leases, this.#submissions, this.#stored, {
            report: this.#report,
            patienceMs,
            pause: this.#options.pause,
            inOrder: this.#options.inOrder,
          })
      }
      await this.#judgeShown(send, replayed)
      this.#touched = new Set()
    } catch (error) {
      this.#report(`it could not be judged: ${(error as Error).message}`)
    }
    return this.#violations.splice(0)
  }

  async #untilCleanedUp(send: Send, patienceMs: number): Promise<void> {
    const until = this.#options.now() + patienceMs
    let left = await cleanups(send)
    while (left.length > 0 && this.#options.now() < until) {
      await this.#options.pause(100)
      left = await cleanups(send)
    }
    for (const cleanup of left) this.#report(`a cleanup is left: ${JSON.stringify(cleanup)}`)
  }

  async #readStored(send: Send, whole: boolean): Promise<void> {
    const { fresh, met } = await newestFormulas(send, whole ? undefined : this.#stored.at(-1)?.id)
    this.#stored = [...(met ? this.#stored : []), ...fresh.reverse()]
    for (const formula of fresh) this.#show(formula)
  }

  /** Checks that every formula that was read, or had an event, is stored. */
  async #judgeShown(send: Send, replayed: Iterable<Submission>): Promise<void> {
    const stored = new Map(this.#stored.map((formula) => [formula.id, formula]))
    for (const [id, { text }] of this.#shown) if (!stored.has(id)) this.#report(`shown once and gone: ${text}`)
    for (const { id, name, createdAt, certain } of this.#leases.flatMap((leases) => leases.all())) {
      if (!certain) continue
      const formula = stored.get(id)
      if (formula?.name !== name || formula.createdAt !== createdAt) this.#report(`event without its formula: ${name}`)
    }
    const names = new Set([...replayed].flatMap(({ formulas }) => formulas.map(({ name }) => name)))
    const some = this.#stored.filter(({ name }) => names.has(name))
    await each(some, 16, async (formula) => {
      const { status, body } = await send('GET', `/formulas/${formula.id}`)
      if (status !== 200 || body !== JSON.stringify(formula)) this.#report(`GET of ${formula.id}: ${status} ${body}`)
    })
  }

  /**
   * The history at an earlier time, for files copied while the service ran: the requests up to the tick `sent`, the
   * answers up to the tick `answered`. Requests without an answer by then have an unknown outcome.
   */
  asOf(answered: number, sent = answered): ClientHistory {
    const copy = new ClientHistory(this.#options)
    copy.#tick = this.#tick
    copy.#submissions = this.#submissions.asOf(answered, sent)
    copy.#leases = this.#leases.map((leases) => leases.asOf(answered, sent))
    copy.#touched = new Set(copy.#submissions.all())
    for (const [id, shown] of this.#shown) if (shown.at <= answered) copy.#shown.set(id, shown)
    return copy
  }
}

const waitMs = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const unlessCut = (reply: Promise<Reply>): Promise<Reply | null> => reply.catch(() => null)
