import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Test, test } from 'tap'
import { autocannonGenerator } from '../../bench/load/autocannon.ts'
import { type Answered, type Load, type Requests, wrk, wrkVersion } from '../../bench/load/load.ts'
import { formula, request } from '../../bench/load/requests.ts'
import { validateSubmission } from '../../src/formula/validate.ts'

const SUBMISSIONS: Requests[] = ['single', 'forty', 'list', 'minimal', 'thousand', 'replay', 'duplicate', 'get']
const numbers = { run: 12, keys: 34, kept: 7, perReceive: 100, paths: ['/health/live', '/formulas?limit=50'] }

/** The fingerprints of what a body holds. */
function fingerprints(body: string): string[] {
  const validation = validateSubmission(JSON.parse(body))
  if (!validation.valid) throw new Error(JSON.stringify(validation))
  return validation.formulas.map(({ id }) => id)
}

test('every body is valid, with as many formulas and materials as its case says', async (t) => {
  const counts = { single: 1, forty: 1, list: 100, minimal: 100, thousand: 1000, replay: 1, duplicate: 1 }
  for (const [requests, count] of Object.entries(counts)) {
    const { body } = request({ ...numbers, requests: requests as Requests }, 1)
    t.equal(fingerprints(body).length, count, requests)
  }
  t.equal(JSON.parse(request({ ...numbers, requests: 'forty' }, 1).body).materials.length, 40)
})

test('no two compositions of a run are the same, nor of two runs', async (t) => {
  const bodies = [1, 2].flatMap((run) => [1, 2, 3].map((sent) => request({ ...numbers, requests: 'list', run }, sent)))
  t.equal(new Set(bodies.flatMap(({ body }) => fingerprints(body))).size, 600)
  t.not(fingerprints(formula(1, 21, 4))[0], fingerprints(formula(12, 1, 4))[0])
})

test('replays repeat key and body, duplicates only the body', async (t) => {
  const [first, again] = [1, 1 + numbers.kept].map((sent) => request({ ...numbers, requests: 'replay' }, sent))
  t.same(first, again)
  const [known, anew] = [1, 1 + numbers.kept].map((sent) => request({ ...numbers, requests: 'duplicate' }, sent))
  t.equal(known?.body, anew?.body)
  t.not(known?.key, anew?.key)
})

interface Captured {
  path: string | undefined
  key: string | undefined
  prefer: string | undefined
  body: string
}

/** Serves 200s and keeps the first requests it gets. */
async function capture(t: Test, answer: (path: string) => string): Promise<{ url: string; captured: Captured[] }> {
  const captured: Captured[] = []
  const server = createServer(async (message: IncomingMessage, response) => {
    let body = ''
    for await (const part of message) body += part
    const { url: path = '', headers } = message
    const { 'idempotency-key': key, prefer } = headers as Record<string, string | undefined>
    if (captured.length < 100) captured.push({ path, key, prefer, body })
    response.end(answer(path))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, captured }
}

const oneSecond = (url: string, requests: Requests): Load => ({
  url,
  requests,
  ...numbers,
  seconds: 1,
  connections: 1,
})

test('wrk sends the same text as autocannon', {
  skip: wrkVersion() === undefined && 'needs wrk',
  jobs: SUBMISSIONS.length,
}, async (t) => {
  const generator = wrk('installed')
  for (const requests of SUBMISSIONS) {
    t.test(requests, async (t) => {
      const { url, captured } = await capture(t, () => '{}')
      await generator.load(oneSecond(url, requests))
      t.ok(captured.length >= 5)
      // wrk asks the script for one request before it starts.
      const offset = Number(captured[0]?.key?.split('-')[2] ?? 2) - 1
      const expected = captured.map((_, index) => {
        return { key: undefined, prefer: undefined, ...request({ ...numbers, requests }, offset + index + 1) }
      })
      t.strictSame(captured.slice(0, 5), expected.slice(0, 5))
    })
  }
})

const events = JSON.stringify({ events: [{ receipt: 'a' }, { receipt: 'b' }] })
const consumer = (path: string): string => (path === '/events/receive' ? events : '{"acked":2,"rejected":[]}')

function checkConsumer(t: Test, { acked, requests, refused, failed }: Answered, captured: Captured[]): void {
  t.same([refused, failed], [0, 0])
  t.ok(acked >= requests - 2 && acked > 0, 'half of the requests acknowledge two events each')
  const [received, acknowledged] = ['/events/receive', '/events/ack'].map((wanted) =>
    captured.find(({ path }) => path === wanted),
  )
  t.match(received, request({ ...numbers, requests: 'consume' }, 1))
  t.match(acknowledged, request({ ...numbers, requests: 'consume' }, 2, '"a","b"'))
  t.equal(acknowledged?.key, undefined)
}

test('both generators acknowledge and count what they receive', { jobs: 2 }, async (t) => {
  const installed = wrkVersion() === undefined ? [] : [wrk('installed')]
  for (const generator of [autocannonGenerator, ...installed]) {
    t.test(generator.name, async (t) => {
      const { url, captured } = await capture(t, consumer)
      checkConsumer(t, await generator.load(oneSecond(url, 'consume')), captured)
    })
  }
})
