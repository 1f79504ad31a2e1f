import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Test, test } from 'tap'
import type { Sent } from '../../bench/load/load.ts'
import { type Verifiable, verify } from '../../bench/verify.ts'

const ids = (count: number): string[] =>
  Array.from({ length: count }, (_, i) =>
    String(i + 1)
      .padStart(8, '0')
      .padEnd(64, '0'),
  )

/** A contender that claims to have these formulas and events. */
async function claiming(
  t: Test,
  formulas: string[],
  ready: number,
  leased = 0,
): Promise<Verifiable & { did: string[] }> {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost')
    const [from, limit] = ['cursor', 'limit'].map((name) => Number(searchParams.get(name) ?? 0)) as [number, number]
    const page = formulas.slice(from, from + limit).map((id) => ({ id }))
    const nextCursor = from + limit < formulas.length ? `${from + limit}` : null
    response.end(JSON.stringify(pathname === '/events/stats' ? { ready, leased } : { formulas: page, nextCursor }))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const did: string[] = []
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const [kill, start] = [async (signal: string) => void did.push(signal), async () => void did.push('start')]
  const contender = { name: 'claimant' }
  return { url, kill, start, contender, did } as unknown as Verifiable & { did: string[] }
}

function sent(requests: Sent['requests'], requestsAnswered: number, rest: Partial<Sent['answered']> = {}): Sent {
  const counted = { requests: requestsAnswered, refused: 0, failed: 0, acked: 0, ...rest }
  const answered = { ...counted, seconds: 1, p50Ms: 1, p99Ms: 1 }
  return { requests, run: 1, kept: 100, connections: 2, perReceive: 10, answered }
}

test('passes when everything is listed, over several pages, after a kill', async (t) => {
  const witness = await claiming(t, ids(450), 450)
  t.equal(await verify(witness, [sent('single', 450)]), 450)
  t.same(witness.did, ['SIGKILL', 'start'])
})

test('notices a formula that was answered and is lost', async (t) => {
  await t.rejects(verify(await claiming(t, ids(449), 449), [sent('single', 450)]), /formulas stored: 449, expected 450/)
})

test('notices a formula that is listed twice, even if the count is right', async (t) => {
  const listed = [...ids(449), ids(1)[0] as string]
  await t.rejects(verify(await claiming(t, listed, 450), [sent('single', 450)]), /twice/)
})

test('requests in flight at the end may be stored, at most one per connection', async (t) => {
  await t.resolves(verify(await claiming(t, ids(452), 452), [sent('single', 450)]))
  await t.rejects(verify(await claiming(t, ids(453), 453), [sent('single', 450)]), /453, expected 450 to 452/)
})

test('failed requests may be stored', async (t) => {
  await t.resolves(verify(await claiming(t, ids(455), 455), [sent('single', 450, { failed: 3 })]))
  await t.rejects(verify(await claiming(t, ids(456), 456), [sent('single', 450, { failed: 3 })]), /450 to 455/)
})

test('notices a missing event, or one too many', async (t) => {
  await t.rejects(verify(await claiming(t, ids(450), 449), [sent('single', 450)]), /events queued: 449/)
  await t.rejects(verify(await claiming(t, ids(450), 451), [sent('single', 450)]), /events queued: 451/)
  await t.resolves(verify(await claiming(t, ids(450), 440, 10), [sent('single', 450)]), 'leased is not missing')
})

test('acknowledged events are gone, and so may be those acknowledged in flight at the end', async (t) => {
  const loads = [sent('thousand', 1), sent('consume', 50, { acked: 500 })]
  for (const ready of [480, 500]) await t.resolves(verify(await claiming(t, ids(1000), ready), loads))
  for (const ready of [479, 501]) await t.rejects(verify(await claiming(t, ids(1000), ready), loads), /events queued/)
})

test('refused requests are not stored', async (t) => {
  await t.resolves(verify(await claiming(t, ids(40), 40), [sent('single', 50, { refused: 10 })]))
})

test('repeated compositions are stored once per run, over any number of loads', async (t) => {
  const loads = [sent('replay', 500), sent('replay', 700), { ...sent('duplicate', 300, { refused: 300 }), run: 2 }]
  await t.resolves(verify(await claiming(t, ids(200), 200), loads))
  await t.rejects(verify(await claiming(t, ids(201), 201), loads), /201, expected 200 to 200/)
})
