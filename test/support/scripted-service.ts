import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'

export interface Seen {
  url: string
  headers: IncomingHttpHeaders
  body: string
  /** Whether it was answered, or its connection has ended. */
  isOver: boolean
}

export interface Said {
  status: number
  headers?: Record<string, string>
  body?: unknown
}

/** What becomes of a request: an answer, a connection that breaks, or silence. */
export type Say = (seen: Seen) => Said | 'break' | 'silence'

/** A server with scripted answers, for answers that the real service gives only in trouble. */
export async function scriptedService(t: Test, say: Say): Promise<{ url: URL; seen: Seen[] }> {
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    const { url = '', headers } = request
    const one = { url, headers, body: await text(request), isOver: false }
    response.once('close', () => {
      one.isOver = true
    })
    seen.push(one)
    const said = say(one)
    if (said === 'silence') return
    if (said === 'break') return request.socket.destroy()
    response.writeHead(said.status, said.headers)
    response.end(typeof said.body === 'string' ? said.body : JSON.stringify(said.body ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), seen }
}

/** The answer of the service to a list that it has added. */
export function added({ body }: Seen): Said {
  const formulas = (JSON.parse(body) as object[]).map((formula) => ({ ...formula, id: 'x', outcome: 'added' }))
  return { status: 200, body: { message: 'Formula(s) added!', formulas } }
}
