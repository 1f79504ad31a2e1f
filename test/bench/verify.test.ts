import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Test, test } from 'tap'
import { type Sent, verify, type Witness } from '../../bench/verify.ts'

const ids = (count: number): string[] =>
  Array.from({ length: count }, (_, i) =>
    String(i + 1)
      .padStart(8, '0')
      .padEnd(64, '0'),
  )

/** Something that claims by HTTP to have these formulas and events. */
async function claiming(t: Test, formulas: string[], ready: number, leased = 0): Promise<Witness & { did: string[] }> {
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
  const contender = { name: 'claimant', durable: true, stores: true }
  return { url, kill, start, contender, did } as unknown as Witness & { did: string[] }
}

/** A load that was answered so. */
function sent(requests: Sent['requests'], requestsAnswered: number, rest: Partial<Sent['answered']> = {}): Sent {
  const counted = { requests: requestsAnswered, refused: 0, failed: 0, acked: 0, ...rest }
  const answered = { ...counted, seconds: 1, p50Ms: 1, p99Ms: 1, maxMs: 1 }
  return { requests, run: 1, kept: 100, connections: 2, perReceive: 10, answered }
}

test('what is all there is in order, over several pages, after a kill', async (t) => {
  const witness = await claiming(t, ids(450), 450)
  await t.resolves(verify(witness, [sent('single', 450)]))
  t.same(witness.did, ['SIGKILL', 'start'])
})

test('a formula that was answered and is lost is noticed', async (t) => {
  await t.rejects(verify(await claiming(t, ids(449), 449), [sent('single', 450)]), /formulas stored: 449, expected 450/)
})

test('a formula that is listed twice is noticed, also where the number is right', async (t) => {
  const listed = [...ids(449), ids(1)[0] as string]
  await t.rejects(verify(await claiming(t, listed, 450), [sent('single', 450)]), /twice/)
})

test('requests that the end cut off may be stored, one for each connection and no more', async (t) => {
  await t.resolves(verify(await claiming(t, ids(452), 452), [sent('single', 450)]))
  await t.rejects(verify(await claiming(t, ids(453), 453), [sent('single', 450)]), /453, expected 450 to 452/)
})

test('so may requests that failed', async (t) => {
  await t.resolves(verify(await claiming(t, ids(455), 455), [sent('single', 450, { failed: 3 })]))
  await t.rejects(verify(await claiming(t, ids(456), 456), [sent('single', 450, { failed: 3 })]), /450 to 455/)
})

test('an event that is missing, or one too many, is noticed', async (t) => {
  await t.rejects(verify(await claiming(t, ids(450), 449), [sent('single', 450)]), /events queued: 449/)
  await t.rejects(verify(await claiming(t, ids(450), 451), [sent('single', 450)]), /events queued: 451/)
  await t.resolves(verify(await claiming(t, ids(450), 440, 10), [sent('single', 450)]), 'leased is not missing')
})

test('acknowledged events are gone, and so may be those whose answers the end cut off', async (t) => {
  const loads = [sent('preload', 1), sent('consume', 50, { acked: 500 })]
  for (const ready of [480, 500]) await t.resolves(verify(await claiming(t, ids(1000), ready), loads))
  for (const ready of [479, 501]) await t.rejects(verify(await claiming(t, ids(1000), ready), loads), /events queued/)
})

test('what was refused is not stored', async (t) => {
  await t.resolves(verify(await claiming(t, ids(40), 40), [sent('single', 50, { refused: 10 })]))
})

test('make-ups that are repeated are stored once for each run, whatever the number of loads', async (t) => {
  const loads = [sent('replay', 500), sent('replay', 700), { ...sent('duplicate', 300, { refused: 300 }), run: 2 }]
  await t.resolves(verify(await claiming(t, ids(200), 200), loads))
  await t.rejects(verify(await claiming(t, ids(201), 201), loads), /201, expected 200 to 200/)
})
