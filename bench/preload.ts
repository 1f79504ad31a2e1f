import { setTimeout as pause } from 'node:timers/promises'
import { newRun } from './load/load.ts'
import { post } from './load/post.ts'
import { type Numbers, type Request, request } from './load/requests.ts'
import type { Sent } from './verify.ts'

const PER_LIST = 1_000
/** Few, so that what follows does not meet a service that is still catching up. */
const CLIENTS = 4
const CALM = { answerMs: 5, times: 5, everyMs: 50, patienceMs: 20_000 }

/** The first requests of a load. */
export function* first(count: number, numbers: Numbers): Generator<Request> {
  for (let sent = 1; sent <= count; sent++) yield request(numbers, sent)
}

/**
 * Stores formulas, and so queues their events, and waits until the service is calm again.
 * @returns what was sent, for verify()
 */
export async function preload(url: string, formulas: number): Promise<Sent> {
  const sent = await fill(url, formulas)
  await calm(url)
  return sent
}

/** The same without waiting. */
export async function fill(url: string, formulas: number): Promise<Sent> {
  const [run, lists] = [newRun(), Math.ceil(formulas / PER_LIST)]
  await post(url, first(lists, { requests: 'preload', run, keys: run, kept: 1, perReceive: 1 }), CLIENTS)
  const answered = { requests: lists, refused: 0, failed: 0, acked: 0, seconds: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 }
  return { requests: 'preload', run, kept: 1, connections: 0, perReceive: 1, answered }
}

/** Waits until answers come at once several times in a row: what a service writes behind its answers is written then. */
export async function calm(url: string): Promise<void> {
  const deadline = performance.now() + CALM.patienceMs
  for (let times = 0; times < CALM.times && performance.now() < deadline; ) {
    const began = performance.now()
    await readyEvents(url)
    times = performance.now() - began < CALM.answerMs ? times + 1 : 0
    await pause(CALM.everyMs)
  }
}

/** How many events wait in the queue. */
export async function readyEvents(url: string): Promise<number> {
  const response = await fetch(`${url}/events/stats`)
  const { ready } = (await response.json()) as { ready: number }
  return ready
}
