import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { FastifyInstance, RouteOptions } from 'fastify'
import type { Test } from 'tap'
import { everyRoute } from './routes.ts'

/** An answer to bytes. */
export interface RawAnswer {
  status: number
  code: string | undefined
  details: unknown
  head: string
}

/** Sends a request as bytes, its header lines as they are. */
export async function raw(app: FastifyInstance, line: string, ...headers: string[]): Promise<RawAnswer> {
  if (!app.server.listening) await app.listen({ port: 0 })
  const socket = connect((app.server.address() as { port: number }).port, '127.0.0.1')
  socket.write(`${[line, ...headers, 'Connection: close'].join('\r\n')}\r\n\r\n`)
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n')
  const { code, details } = body.startsWith('{') ? JSON.parse(body) : {}
  return { status: Number(head.split(' ')[1]), code, details, head }
}

/** A path that matches a route. */
const pathOf = ({ url }: RouteOptions): string => url.replace(/:\w+/g, 'x').replace('*', 'x')

/** A request line for each route, and some that match none. */
export async function everyRequestLine(t: Test): Promise<string[]> {
  const routes = (await everyRoute(t)).flatMap((route) =>
    [route.method].flat().map((method) => `${method} ${pathOf(route)}`),
  )
  const unmatched = [
    'GET /nope',
    'POST /nope',
    'PATCH /formulas',
    'OPTIONS /formulas',
    'OPTIONS *',
    'TRACE /',
    'GET /formulas/%zz',
  ]
  return [...new Set([...routes, ...unmatched, `GET /formulas/${'x'.repeat(9_000)}`])].map((line) => `${line} HTTP/1.1`)
}
