import type { Test } from 'tap'
import { eventBody } from '../../contract/submissions.ts'
import { type Service, type ShownFormula, startService } from '../../support/http/service.ts'
import { Ledger, type Reply, type Send, sendInto } from '../ledger.ts'

export const formula = (name: string, concentration: number) => ({
  name,
  materials: [{ name: 'Rose', concentration: String(concentration) }],
})

const LIST = [formula('B', 2), formula('C', 3)]
const MIXED = [formula('D', 1), formula('E', 4)]

export interface Bench {
  service: Service
  ledger: Ledger
  send: Send
}

/** A service that has taken in A, the list of B and C, and E (D is a duplicate of A), and has refused F. */
export async function setUp(t: Test): Promise<Bench> {
  const service = await startService(t, { EVENT_MAX_RECEIVES: '2' })
  const ledger = new Ledger({ maxReceives: 2 })
  const send = sendInto(service.app)
  await ledger.submit(send, 'a', formula('A', 1))
  await ledger.submit(send, 'list', LIST)
  await ledger.submit(send, 'mixed', MIXED, 'skip')
  await ledger.submit(send, 'f', formula('F', 1))
  return { service, ledger, send }
}

/** Changes some of what a service answers; the paths tell which. */
export function lying(send: Send, paths: RegExp, lie: (reply: Reply, request: string) => Partial<Reply>): Send {
  return async (method, path, headers, body) => {
    const reply = await send(method, path, headers, body)
    return paths.test(path) ? { ...reply, ...lie(reply, body ?? '') } : reply
  }
}

/** Changes the list of formulas. */
export const listing = (send: Send, change: (formulas: ShownFormula[]) => ShownFormula[]): Send =>
  lying(send, /^\/formulas\?limit/, ({ body }) => {
    const { formulas, nextCursor } = JSON.parse(body)
    return { body: JSON.stringify({ formulas: change(formulas), nextCursor }) }
  })

export const without = (send: Send, name: string): Send =>
  listing(send, (all) => all.filter((one) => one.name !== name))

/** Does to every POST of a formula what a cut connection does. */
export const cutting = (send: Send, isDone: boolean): Send => {
  return async (method, path, headers, body) => {
    if (!path.startsWith('/formulas') || method !== 'POST') return send(method, path, headers, body)
    if (isDone) await send(method, path, headers, body)
    throw new Error('cut')
  }
}

export async function storedAs({ service }: Bench, name: string): Promise<ShownFormula> {
  const { items } = await service.app.db.list({ limit: 200 })
  return items.map(({ document }) => JSON.parse(document)).find((one) => one.name === name)
}

/** Puts an event into the queue, past the service. */
export async function slipIn({ service }: Bench, { id, name, createdAt }: ShownFormula): Promise<void> {
  const attempt = `slipped in ${name}`
  const event = { id, seq: 1_000, createdAt: Date.parse(createdAt), body: eventBody(name) }
  await service.app.queue.release(attempt, [event])
}

/** Receives one event through the ledger and gives back its receipt. */
export async function receipt({ ledger, send }: Bench, leaseSeconds = 600): Promise<string> {
  return (await ledger.receive(send, 1, leaseSeconds))?.[0]?.receipt ?? 'none'
}

/** A world that breaks the promise, and what the ledger says of it. It may come with a service that lies. */
export interface WrongWorld {
  says: RegExp
  spoil(bench: Bench): Promise<Send | undefined> | Send | undefined
}

/** Sees that the ledger reports each of these worlds. */
export function seesEach(t: Test, worlds: Record<string, WrongWorld>): void {
  for (const [world, { says, spoil }] of Object.entries(worlds)) {
    t.test(`the ledger sees it when ${world}`, async (t) => {
      const bench = await setUp(t)
      const send = (await spoil(bench)) ?? bench.send
      const violations = await bench.ledger.judge(send, { whole: true, patienceMs: 1 })
      t.match(violations.join('\n'), says)
    })
  }
}
