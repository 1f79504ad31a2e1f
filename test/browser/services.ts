import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { type AppOptions, buildApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { call, post } from '../process/service-process.ts'

/** A service that listens, in this process, on a SQLite file of its own where nothing else is said. */
export interface Listening {
  app: FastifyInstance
  url: string
  /** Stores formulas of these names, of a make-up each. @returns their ids */
  store(...names: string[]): Promise<string[]>
  /** Lets that many events, the oldest first, become dead letters. */
  kill(count: number): Promise<void>
}

/** Starts a service that ends with its test; events are dead after one lease. */
export async function listen(t: Test, env: NodeJS.ProcessEnv = {}, options: AppOptions = {}): Promise<Listening> {
  const database = env.DATABASE_URL ?? `sqlite:${join(t.testdir(), 'formulas.db')}`
  const config = readConfig({ EVENT_MAX_RECEIVES: '1', ...env, DATABASE_URL: database })
  const app = buildApp(config, options)
  t.teardown(() => app.close())
  const url = await app.listen({ port: 0 })
  return {
    app,
    url,
    async store(...names) {
      const body = names.map((name) => ({ name, materials: rose(++stored) }))
      const answer = await post(url, `stored-${stored}`, body)
      const { formulas } = (await answer.json()) as { formulas: { id: string }[] }
      return formulas.map(({ id }) => id)
    },
    async kill(count) {
      const { events } = await call<{ events: { receipt: string }[] }>(url, '/events/receive', { max: count })
      await call(url, '/events/nack', { receipts: events.map(({ receipt }) => receipt) })
    },
  }
}

let stored = 0

/** Materials that no other number gives. */
export const rose = (number: number) => [
  { name: 'Rose Absolute', concentration: `12.${number}1` },
  { name: 'Linalool', concentration: '3.25' },
  { name: 'Ambroxan', concentration: '0.004' },
]
