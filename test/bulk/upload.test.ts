import { type Test, test } from 'tap'
import type { Row } from '../../src/bulk/files/row.ts'
import { CannotContinue, GaveUp, ServiceClient } from '../../src/bulk/service.ts'
import { Tally } from '../../src/bulk/tally.ts'
import { listOf, Uploader } from '../../src/bulk/upload.ts'
import type { Clock } from '../../src/kit/clock.ts'
import { startListening } from '../support/http/service.ts'
import { added, type Say, scriptedService } from '../support/scripted-service.ts'

const row = (line: number, concentration: string | number = line): Row => ({
  line,
  json: JSON.stringify({ name: `F${line}`, materials: [{ name: 'Rose', concentration }] }),
})
const rows = (count: number): Row[] => Array.from({ length: count }, (_, index) => row(index + 1))

/** An uploader whose pauses take no time; records what it prints and how long it would have paused. */
function uploaderTo(t: Test, url: URL, options: { giveUpAfterMs?: number; timeoutMs?: number; apiKey?: string } = {}) {
  const [printed, pauses, stop]: [string[], number[], AbortController] = [[], [], new AbortController()]
  let now = 0
  const clock: Clock = {
    now: () => now,
    after(ms, run) {
      pauses.push(ms)
      now += ms
      const timer = setImmediate(run)
      return () => clearImmediate(timer)
    },
  }
  const tally = new Tally(null, (line) => printed.push(line))
  const { giveUpAfterMs = Infinity, timeoutMs = 5_000, apiKey = null } = options
  const timing = { clock, random: () => 0.5, timeoutMs }
  const service = new ServiceClient({ url, apiKey, giveUpAfterMs }, stop.signal, timing)
  t.teardown(() => tally.close())
  return { uploader: new Uploader(service, tally), tally, printed, pauses, stop }
}

test('when it is unclear whether a list was stored, the same bytes are sent again under the same key', async (t) => {
  const troubles: ReturnType<Say>[] = [
    { status: 503, headers: { 'retry-after': '7' }, body: { code: 'SERVICE_OVERLOADED' } },
    { status: 429, headers: { 'retry-after': '3' }, body: { code: 'RATE_LIMITED' } },
    { status: 409, headers: { 'retry-after': '1' }, body: { code: 'IDEMPOTENCY_KEY_IN_USE' } },
    { status: 408 },
    { status: 500, body: { code: 'INTERNAL_ERROR' } },
    { status: 502, body: '<html>Bad Gateway</html>' },
    'break',
    'silence',
  ]
  const left = [...troubles]
  const { url, seen } = await scriptedService(t, (one) => left.shift() ?? added(one))
  const { uploader, tally, pauses } = uploaderTo(t, url, { timeoutMs: 200, apiKey: 'secret' })
  const list = listOf(rows(3))
  await uploader.send(list)
  t.match(tally, { added: 3, refused: 0, unanswered: 0 })
  t.equal(seen.length, troubles.length + 1)
  for (const { url, headers, body } of seen) {
    t.equal(url, '/formulas?onDuplicate=skip')
    t.match(headers, { 'idempotency-key': list.key, authorization: 'Bearer secret' })
    t.equal(body, list.body)
  }
  t.same(pauses, [7000, 3000, 1000, 800, 1600, 3200, 5000, 5000], 'growing, and never shorter than asked for')
})

test('a refused API key, or an answer that is not from this service, ends an import at once', async (t) => {
  const answers = [
    { status: 401, body: { code: 'UNAUTHORIZED', message: 'No.' } },
    { status: 403, body: { code: 'FORBIDDEN' } },
    { status: 404, body: '<html>' },
    { status: 302, headers: { location: 'http://127.0.0.1/' } },
    { status: 200, body: 'hello' },
    { status: 400, body: { code: 'VALIDATION_FAILED', details: [{ path: '?x' }] } },
    { status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } },
  ]
  for (const answer of answers) {
    const { url, seen } = await scriptedService(t, () => answer)
    const { uploader, tally } = uploaderTo(t, url)
    t.type(await uploader.send(listOf(rows(2))).catch((error) => error), CannotContinue)
    t.equal(seen.length, 1, `${answer.status}`)
    t.match(tally, answer.status === 200 ? { rejected: 0, unanswered: 2 } : { rejected: 2, unanswered: 0 })
  }
})

test('an import gives up after the time of --give-up-after', async (t) => {
  const { url } = await scriptedService(t, () => ({ status: 503, headers: { 'retry-after': '20' } }))
  const { uploader, tally, pauses } = uploaderTo(t, url, { giveUpAfterMs: 60_000 })
  t.type(await uploader.send(listOf(rows(2))).catch((error) => error), GaveUp)
  t.same(pauses, [20_000, 20_000, 20_000])
  t.equal(tally.unanswered, 2)
})

test('when stopped, it waits for the answer to the request in flight, but retries nothing', async (t) => {
  const { url, seen } = await scriptedService(t, (one) => {
    stop.abort()
    return seen.length === 1 ? added(one) : { status: 503 }
  })
  const { uploader, tally, stop } = uploaderTo(t, url)
  await uploader.send(listOf(rows(2)))
  await uploader.send(listOf(rows(3)))
  t.match(tally, { added: 2, unanswered: 3 })
  t.equal(seen.length, 2)
})

test('of a list with more problems than one answer names, all bad formulas are reported and all others added', async (t) => {
  t.testdir()
  const { url } = await startListening(t, { DATABASE_URL: 'memory:' })
  const { uploader, tally, printed } = uploaderTo(t, new URL(url))
  const bad = { name: 5, materials: [{ name: 7, concentration: -1 }, { concentration: 'x' }] }
  const list = rows(100).map((each) => (each.line % 3 === 0 ? { ...each, json: JSON.stringify(bad) } : each))
  await uploader.send(listOf(list))
  t.match(tally, { added: 67, known: 0, refused: 33, unanswered: 0 })
  t.same(
    printed.map((line) => line.split(':')[0]),
    list.filter(({ line }) => line % 3 === 0).map(({ line }) => `line ${line}`),
  )
  t.match(printed[0], /^line 3: Formula name must be a string \(\/name\) and \d more$/)
})

test('a list that is too large for the service is sent in halves; a formula that is too large is refused', async (t) => {
  t.testdir()
  const { url } = await startListening(t, { DATABASE_URL: 'memory:', BODY_LIMIT_BYTES: '2000' })
  const { uploader, tally, printed } = uploaderTo(t, new URL(url))
  const large: Row = { line: 50, json: `{"name":"L",${' '.repeat(900_000)}"materials":[]}` }
  await uploader.send(listOf([...rows(49), large, ...rows(100).slice(50)]))
  t.match(tally, { added: 99, refused: 1 })
  t.same(printed, ['line 50: The body is too large'])
})
