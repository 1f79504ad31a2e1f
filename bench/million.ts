import { validateSubmission } from '../src/formula/validate.ts'
import { type Case, caseNamed } from './cases.ts'
import { onSqlite, sqlite } from './contender.ts'
import { calm, preload } from './load/preload.ts'
import { formula } from './load/requests.ts'
import { tell, whole } from './print.ts'
import { median } from './statistics.ts'
import { type Extent, type Figure, measureInTurns, Trial } from './trial.ts'
import { verify } from './verify.ts'

/** A rate on an empty store and on one with formulas and ready events. */
export interface FilledRate {
  name: string
  title: string
  unit: string
  empty: number
  filled: number
  /** On the filled store. */
  rssBytes: number
}

/** Medians of single calls, in milliseconds; they should not depend on what is stored. */
export type Calls = Record<'getById' | 'firstPage' | 'receive' | 'ack', number>

export interface Million {
  formulas: number
  rates: FilledRate[]
  calls: Record<'empty' | 'filled', Calls>
  startMs: { afterStop: number; afterKill: number }
}

interface MillionExtent extends Extent {
  formulas: number
  calls: number
}

/** The size of the "empty" store in timings of single calls, which need something to get and to receive. */
const FEW = 2_000
/** `preload` numbers formulas from here. */
const FIRST_NUMBER = 1_001
/** Distance between the formulas that are read, so that they do not share pages. */
const STRIDE = 7_919

/** @throws {Error} when something that was answered is missing */
export async function measureMillion(extent: MillionExtent): Promise<Million> {
  const rates: FilledRate[] = []
  for (const subject of ['single', 'list', 'replay', 'consume-100'].map(caseNamed)) {
    const trials = [new Trial(subject, sqlite), new Trial(subject, sqlite, extent)]
    rates.push(filledRate(subject, await measureInTurns(trials, extent)))
  }
  const { calls: empty } = await measureCalls(Math.min(FEW, extent.formulas), extent)
  const { calls: filled, startMs } = await measureCalls(extent.formulas, extent)
  return { formulas: extent.formulas, rates, calls: { empty, filled }, startMs }
}

/** The result of two trials of a case: on an empty store, then on a filled one. */
export function filledRate({ name, title, unit }: Case, trials: Trial[]): FilledRate {
  const [empty, filled] = trials.map((trial): Figure => trial.figure()) as [Figure, Figure]
  tell(`${title}: ${whole(filled.rate)} of ${whole(empty.rate)} ${unit}/s when empty`)
  return { name, title, unit, empty: empty.rate, filled: filled.rate, rssBytes: filled.rssBytes }
}

/** Times single calls on a store of this size, then two starts with it. */
async function measureCalls(formulas: number, { calls: times }: MillionExtent) {
  return onSqlite(async (running) => {
    const sent = await preload(running.url, formulas)
    await calm(running.url)
    const calls = await timeCalls(running.url, sent.run, formulas, times)
    sent.answered.acked = times
    await running.kill('SIGTERM')
    const afterStop = (await running.start()).startMs
    // Kills and starts it again.
    await verify(running, [sent])
    return { calls, startMs: { afterStop, afterKill: running.startMs } }
  })
}

async function timeCalls(url: string, run: number, formulas: number, times: number): Promise<Calls> {
  const ids = Array.from({ length: times }, (_, i) => idOf(run, FIRST_NUMBER + ((i * STRIDE) % formulas)))
  const getById = (id: string) => call(`${url}/formulas/${id}`)
  const firstPage = () => call(`${url}/formulas`)
  const receipts: string[] = []
  const receive = async (): Promise<void> => {
    const { events } = (await call(`${url}/events/receive`, { max: 1 })) as { events: { receipt: string }[] }
    receipts.push(...events.map(({ receipt }) => receipt))
  }
  await timed(ids.slice(0, 50), getById)
  await timed(ids.slice(0, 50), firstPage)
  return {
    getById: await timed(ids, getById),
    firstPage: await timed(ids, firstPage),
    receive: await timed(ids, receive),
    ack: await timed(receipts, (receipt) => call(`${url}/events/ack`, { receipts: [receipt] })),
  }
}

/** Times calls made one after the other. @returns the median, in milliseconds */
async function timed(items: string[], call: (item: string) => Promise<unknown>): Promise<number> {
  const durations: number[] = []
  for (const item of items) {
    const began = performance.now()
    await call(item)
    durations.push(performance.now() - began)
  }
  return median(durations)
}

function idOf(run: number, number: number): string {
  const validation = validateSubmission(JSON.parse(formula(run, number, 4)))
  if (!validation.valid) throw new Error('The formulas of the load are not valid')
  return validation.formulas[0]?.id as string
}

async function call(url: string, body?: object): Promise<unknown> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(url, body && { method: 'POST', headers, body: JSON.stringify(body) })
  const answer = await response.json()
  if (!response.ok) throw new Error(`${url}: ${response.status} ${JSON.stringify(answer)}`)
  return answer
}
