import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { type AppOptions, buildApp } from '../../../src/app.ts'
import { readConfig } from '../../../src/config/config.ts'
import { call, post } from '../service-process.ts'

/** A formula as it is submitted. */
interface Taken {
  name: string
  materials: { name: string; concentration: string }[]
}

/** A listening service in this process; in memory by default, because all stores pass the same suite. */
export interface Listening {
  app: FastifyInstance
  url: string
  /** Stores formulas with these names and distinct compositions. @returns their ids */
  store(...names: string[]): Promise<string[]>
  /** Stores these formulas. @returns their ids */
  take(formulas: Taken[]): Promise<string[]>
  /** Turns the oldest `count` events of a subscription into dead letters. */
  kill(count: number, subscription?: string, reason?: string): Promise<void>
}

/** Starts a service that ends with its test; events are dead after one lease. */
export async function listen(t: Test, env: NodeJS.ProcessEnv = {}, options: AppOptions = {}): Promise<Listening> {
  const config = readConfig({ EVENT_MAX_RECEIVES: '1', DATABASE_URL: 'memory:', ...env })
  const app = buildApp(config, options)
  t.teardown(() => app.close())
  const url = await app.listen({ port: 0 })
  const take = async (formulas: Taken[]): Promise<string[]> => {
    const answer = await post(url, `taken-${++taken}`, formulas)
    const stored = (await answer.json()) as { formulas: { id: string }[] }
    return stored.formulas.map(({ id }) => id)
  }
  return {
    app,
    url,
    store: (...names) => take(names.map((name) => ({ name, materials: rose(++stored) }))),
    take,
    async kill(count, subscription = 'default', reason = undefined) {
      const body = { max: count, subscription }
      const { events } = await call<{ events: { receipt: string }[] }>(url, '/events/receive', body)
      await call(url, '/events/nack', { receipts: events.map(({ receipt }) => receipt), reason })
    },
  }
}

let stored = 0
let taken = 0

/** Materials that are unique to the number. */
export const rose = (number: number) => [
  { name: 'Rose Absolute', concentration: `12.${number}1` },
  { name: 'Linalool', concentration: '3.25' },
  { name: 'Ambroxan', concentration: '0.004' },
]
