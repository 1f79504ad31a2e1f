import { setTimeout as pause } from 'node:timers/promises'
import { newRun, type Sent, type Sequence } from './load.ts'
import { headersOf, request } from './requests.ts'

const PER_LIST = 1_000
/** Few, so that the service has little deferred work afterwards. */
const CLIENTS = 4
/** As many as leave the paths of their formulas short enough for one command-line argument. */
const MAX_PAGES = 20
const CALM = { answerMs: 5, times: 5, everyMs: 50, patienceMs: 20_000 }

/**
 * Sends the first `count` requests of a sequence, to prepare a measurement.
 * @throws {Error} when one is not answered with `status`
 */
export async function sendFirst(
  url: string,
  count: number,
  sequence: Sequence,
  { clients = 64, status = 200 } = {},
): Promise<void> {
  let sent = 0
  async function client(): Promise<void> {
    while (sent < count) {
      const next = request(sequence, ++sent)
      const response = await fetch(url + next.path, { method: 'POST', headers: headersOf(next), body: next.body })
      const text = await response.text()
      if (response.status !== status) throw new Error(`${next.path}: ${response.status} ${text.slice(0, 300)}`)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
}

/** Stores formulas, which also queues their events. */
export async function preload(url: string, formulas: number): Promise<Sent> {
  const [sequence, lists] = [{ requests: 'thousand', run: newRun() } as const, Math.ceil(formulas / PER_LIST)]
  await sendFirst(url, lists, sequence, { clients: CLIENTS })
  const answered = { requests: lists, refused: 0, failed: 0, acked: 0, seconds: 0, p50Ms: 0, p99Ms: 0 }
  return { ...sequence, connections: 0, answered }
}

/** Paths of pages of 50, newest first, and of the formulas on them. */
export async function storedPaths(url: string): Promise<{ pages: string[]; formulas: string[] }> {
  const first = '/formulas?limit=50'
  const [pages, formulas]: [string[], string[]] = [[first], []]
  for (const path of pages) {
    const page = (await (await fetch(url + path)).json()) as { formulas: { id: string }[]; nextCursor: string | null }
    formulas.push(...page.formulas.map(({ id }) => `/formulas/${id}`))
    if (page.nextCursor !== null && pages.length < MAX_PAGES) pages.push(`${first}&cursor=${page.nextCursor}`)
  }
  return { pages, formulas }
}

/** Waits until several answers in a row are fast: then the service has finished its deferred writes. */
export async function calm(url: string): Promise<void> {
  const deadline = performance.now() + CALM.patienceMs
  for (let times = 0; times < CALM.times && performance.now() < deadline; ) {
    const began = performance.now()
    await readyEvents(url)
    times = performance.now() - began < CALM.answerMs ? times + 1 : 0
    await pause(CALM.everyMs)
  }
}

export async function readyEvents(url: string): Promise<number> {
  const response = await fetch(`${url}/events/stats`)
  const { ready } = (await response.json()) as { ready: number }
  return ready
}
