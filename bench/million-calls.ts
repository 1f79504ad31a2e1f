import { validateSubmission } from '../src/formula/validate.ts'
import { formula } from './load/requests.ts'
import { type Timing, timed } from './timing.ts'

/** Calls that should cost the same whatever is stored. */
export type Calls = Record<'getById' | 'firstPage' | 'receive' | 'ack', Timing>

/** The number of the first formula in the first list of 1000. */
const FIRST_NUMBER = 1_001
/** How far apart the formulas are that are asked for, so that they do not share pages. */
const MANY_APART = 7_919

/**
 * Times single calls, one after the other.
 * @param formulas how many the run of preload() has stored
 */
export async function timeCalls(url: string, run: number, formulas: number, times: number): Promise<Calls> {
  const ids = Array.from({ length: times }, (_, i) => idOf(run, FIRST_NUMBER + ((i * MANY_APART) % formulas)))
  const get = (path: string) => () => call(`${url}${path}`)
  const send = (path: string, body: object) => () => call(`${url}${path}`, JSON.stringify(body))
  const receipts: string[] = []
  const receive = async (): Promise<void> => {
    const { events } = (await send('/events/receive', { max: 1 })()) as { events: { receipt: string }[] }
    receipts.push(...events.map(({ receipt }) => receipt))
  }
  // The first of each warm the way up.
  await timed(ids.slice(0, 50).map((id) => get(`/formulas/${id}`)))
  await timed(ids.slice(0, 50).map(() => get('/formulas')))
  return {
    getById: await timed(ids.map((id) => get(`/formulas/${id}`))),
    firstPage: await timed(ids.map(() => get('/formulas'))),
    receive: await timed(ids.map(() => receive)),
    ack: await timed(receipts.map((receipt) => send('/events/ack', { receipts: [receipt] }))),
  }
}

/** The fingerprint that formula `number` of a run is stored under. */
function idOf(run: number, number: number): string {
  const validation = validateSubmission(JSON.parse(formula(run, number, 4)))
  if (!validation.valid) throw new Error('The formulas of the load are not valid')
  return validation.formulas[0]?.id as string
}

async function call(url: string, body?: string): Promise<unknown> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(url, body === undefined ? {} : { method: 'POST', headers, body })
  const answer = await response.json()
  if (!response.ok) throw new Error(`${url}: ${response.status} ${JSON.stringify(answer)}`)
  return answer
}
