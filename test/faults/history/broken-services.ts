import type { Test } from 'tap'
import { showFormula } from '../../../src/formula/formula.ts'
import { eventBody, listed } from '../../contract/submissions.ts'
import { type Service, type ShownFormula, startService } from '../../support/http/service.ts'
import { ClientHistory, type Reply, type Send, sendInto } from '../client-history.ts'

export const formula = (name: string, concentration: number) => ({
  name,
  materials: [{ name: 'Rose', concentration: String(concentration) }],
})

const LIST = [formula('B', 2), formula('C', 3)]
const MIXED = [formula('D', 1), formula('E', 4)]

export interface Bench {
  service: Service
  history: ClientHistory
  send: Send
}

/** A service that has accepted A, the list of B and C, and E (D is a duplicate of A), and has refused F. */
export async function setUp(t: Test): Promise<Bench> {
  const service = await startService(t, { EVENT_MAX_RECEIVES: '2' })
  const history = new ClientHistory({ maxReceives: 2 })
  const send = sendInto(service.app)
  await history.submit(send, 'a', formula('A', 1))
  await history.submit(send, 'list', LIST)
  await history.submit(send, 'mixed', MIXED, 'skip')
  await history.submit(send, 'f', formula('F', 1))
  return { service, history, send }
}

/** Changes the answers to requests whose path matches. */
export function lying(send: Send, paths: RegExp, lie: (reply: Reply, request: string) => Partial<Reply>): Send {
  return async (method, path, headers, body) => {
    const reply = await send(method, path, headers, body)
    return paths.test(path) ? { ...reply, ...lie(reply, body ?? '') } : reply
  }
}

/** Changes the answers of GET /formulas. */
export const listing = (send: Send, change: (formulas: ShownFormula[]) => ShownFormula[]): Send =>
  lying(send, /^\/formulas\?limit/, ({ body }) => {
    const { formulas, nextCursor } = JSON.parse(body)
    return { body: JSON.stringify({ formulas: change(formulas), nextCursor }) }
  })

/** Cuts the connection on each submission, before or after it is done. */
export const cutting = (send: Send, isDone: boolean): Send => {
  return async (method, path, headers, body) => {
    if (!path.startsWith('/formulas') || method !== 'POST') return send(method, path, headers, body)
    if (isDone) await send(method, path, headers, body)
    throw new Error('cut')
  }
}

export async function storedAs({ service }: Bench, name: string): Promise<ShownFormula> {
  const { items } = await listed(service.app.db, { limit: 200 })
  return items.map((item) => JSON.parse(showFormula(item))).find((one) => one.name === name)
}

/** Publishes an event directly to the queue. */
export async function slipIn({ service }: Bench, { id, name, createdAt }: ShownFormula): Promise<void> {
  const attempt = `slipped in ${name}`
  const event = { id, seq: 1_000, createdAt: Date.parse(createdAt), body: eventBody(name) }
  await service.app.queue.release(attempt, [event])
}

/** Receives one event. @returns its receipt */
export async function receipt({ history, send }: Bench, leaseSeconds = 600): Promise<string> {
  return (await history.receive(send, 1, leaseSeconds))?.[0]?.receipt ?? 'none'
}
