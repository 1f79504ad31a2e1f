import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import type { Test } from 'tap'
import { type AppOptions, buildApp } from '../../../src/app.ts'
import { readConfig } from '../../../src/config/config.ts'
import type { ErrorBody } from '../../../src/errors/service-error.ts'
import type { Formula } from '../../../src/formula/formula.ts'

export type Answer = LightMyRequestResponse

/** A client of a service. */
export interface Client {
  send(request: InjectOptions): Promise<Answer>
  /** Submits under a key; each call without one uses a new key. */
  submit(body: unknown, options?: { key?: string; query?: string }): Promise<Answer>
  post(url: string, body?: unknown): Promise<Answer>
  get(url: string): Promise<Answer>
}

/** A service on stores in memory, as HTTP clients see it. */
export interface Service extends Client {
  app: FastifyInstance
  /** A client that shows an API key. */
  as(secret: string): Client
}

/** Starts a service that ends with its test. */
export async function startService(t: Test, env: NodeJS.ProcessEnv = {}, options: AppOptions = {}): Promise<Service> {
  const app = buildApp(readConfig({ DATABASE_URL: 'memory:', SUBMIT_RETRY_BASE_MS: '1', ...env }), options)
  t.teardown(() => app.close())
  await app.ready()
  const as = (secret: string): Client => clientOf(app, { authorization: `Bearer ${secret}` })
  return { app, ...clientOf(app), as }
}

/** Starts a service that listens, in this process: a process of its own takes a second more. */
export async function startListening(t: Test, env: NodeJS.ProcessEnv = {}, options: AppOptions = {}) {
  const { app } = await startService(t, env, options)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  return { url, close: () => app.close() }
}

let keys = 0

function clientOf(app: FastifyInstance, shown: Record<string, string> = {}): Client {
  const send = ({ headers, ...request }: InjectOptions): Promise<Answer> =>
    app.inject({ ...request, headers: { ...shown, ...headers } })
  return {
    send,
    submit(body, { key = `key-${++keys}`, query = '' } = {}) {
      const headers = { 'idempotency-key': key, 'content-type': 'application/json' }
      const payload = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
      return send({ method: 'POST', url: `/formulas${query}`, headers, payload })
    },
    post: (url, body) => send({ method: 'POST', url, ...(body === undefined ? {} : { payload: body as object }) }),
    get: (url) => send({ method: 'GET', url }),
  }
}

/** A formula that is unique to the number. */
export const formula = (number: number, name = `Formula ${number}`) => ({
  name,
  materials: [{ name: 'Linalool', concentration: number }],
})

/** A formula as an answer shows it. */
export type ShownFormula = Formula & { createdAt: string; derivedFrom?: string; outcome?: string }

export const formulasOf = (answer: Answer): ShownFormula[] => answer.json().formulas

/** Checks that an answer has the common error format. @returns its body */
export function errorOf(t: Test, answer: Answer, status: number, code: string): ErrorBody {
  const body = answer.json() as ErrorBody
  t.equal(answer.statusCode, status)
  t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  t.same(Object.keys(body), ['error', 'message', 'status', 'code', 'details'])
  t.match(body, { status, code })
  return body
}
