import { Agent, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'

export interface Reply {
  status: number
  /** By lower-case name. */
  headers: Record<string, string | undefined>
  body: string
}

/** Sends one request. Rejects without a complete answer: the outcome of the request is unknown then. */
export type Send = (
  method: 'GET' | 'PUT' | 'POST' | 'DELETE',
  path: string,
  headers?: Record<string, string>,
  body?: string,
) => Promise<Reply>

/** The longest an answer may take, in milliseconds. */
const PATIENCE_MS = 45_000

/** Sends over real keep-alive connections. @returns also a function that closes them */
export function sendTo(url: string): { send: Send; close: () => void } {
  const agent = new Agent({ keepAlive: true })
  const { hostname: host, port } = new URL(url)
  const send: Send = (method, path, headers = {}, body) =>
    new Promise((resolve, reject) => {
      const message = request({ agent, host, port, method, path, headers: sized(headers, body) }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('close', () => {
          if (!response.complete) return reject(new Error('The answer was cut off'))
          const body = Buffer.concat(chunks).toString()
          resolve({ status: response.statusCode ?? 0, headers: flat(response.headers), body })
        })
      })
      message.setTimeout(PATIENCE_MS, () => message.destroy(new Error(`No answer to ${method} ${path}`)))
      message.on('error', reject)
      message.end(body)
    })
  return { send, close: () => agent.destroy() }
}

/** Sends a request again while it is answered 503, up to ten times, as a client does that obeys Retry-After. */
export const resending =
  (send: Send): Send =>
  async (...request) => {
    for (let attempts = 1; ; attempts++) {
      const reply = await send(...request)
      if (reply.status !== 503 || attempts === 10) return reply
      await pause(Number(reply.headers['retry-after'] ?? 1) * 1_000)
    }
  }

/** Sends to a service in this process. */
export function sendInto(app: FastifyInstance): Send {
  return async (method, url, headers = {}, payload) => {
    const message = { method, url, headers: typed(headers, payload) }
    const answer = await app.inject(payload === undefined ? message : { ...message, payload })
    return { status: answer.statusCode, headers: flat(answer.headers), body: answer.body }
  }
}

const typed = (headers: Record<string, string>, body: string | undefined): Record<string, string> =>
  body === undefined ? headers : { 'content-type': 'application/json', ...headers }

const sized = (headers: Record<string, string>, body: string | undefined): Record<string, string> =>
  body === undefined ? headers : { ...typed(headers, body), 'content-length': String(Buffer.byteLength(body)) }

function flat(headers: NodeJS.Dict<string | string[] | number>): Reply['headers'] {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value?.toString()]))
}
