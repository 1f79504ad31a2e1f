import { setTimeout as pause } from 'node:timers/promises'
import { newRun } from './load/load.ts'
import { request } from './load/requests.ts'
import { type Timing, timingOf } from './timing.ts'

/** What a few callers met who came by while others loaded the service. */
export interface Probed {
  accepted: Timing & { count: number }
  /** Refused as overloaded, with a time to come back at. */
  shed: Timing & { count: number }
  /** Anything else, failed connections included. */
  otherwise: number
}

const CALLERS = 4
const PAUSE_MS = 20

/**
 * Submits formulas now and then until `until` settles, and times the answers by what they say: a load generator that
 * sends as fast as it can does not tell the latency of those that were accepted.
 */
export async function probe(url: string, until: Promise<unknown>): Promise<Probed> {
  const [accepted, shed, run]: [number[], number[], number] = [[], [], newRun()]
  let [sent, otherwise, isOver] = [0, 0, false]
  const over = until.finally(() => {
    isOver = true
  })
  async function caller(): Promise<void> {
    while (!isOver) {
      const began = performance.now()
      const meant = await submit(url, run, ++sent)
      if (meant === 'otherwise') otherwise++
      else (meant === 'accepted' ? accepted : shed).push(performance.now() - began)
      await pause(PAUSE_MS)
    }
  }
  await Promise.all([over, ...Array.from({ length: CALLERS }, caller)])
  const counted = (took: number[]) => ({ count: took.length, ...timingOf(took) })
  return { accepted: counted(accepted), shed: counted(shed), otherwise }
}

async function submit(url: string, run: number, sent: number): Promise<'accepted' | 'shed' | 'otherwise'> {
  const { path, key = '', body } = request({ requests: 'single', run, keys: run, kept: 1, perReceive: 1 }, sent)
  const headers = { 'content-type': 'application/json', 'idempotency-key': key }
  try {
    const response = await fetch(`${url}${path}`, { method: 'POST', headers, body })
    const { code } = (await response.json()) as { code?: string }
    if (response.status === 200) return 'accepted'
    return code === 'SERVICE_OVERLOADED' && response.headers.has('retry-after') ? 'shed' : 'otherwise'
  } catch {
    return 'otherwise'
  }
}
