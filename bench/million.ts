import { type Case, cases } from './cases.ts'
import { Running, sqlite } from './contender.ts'
import { type Calls, timeCalls } from './million-calls.ts'
import { preload } from './preload.ts'
import { type Extent, Under } from './under.ts'
import { verify } from './verify.ts'

/** What a store that holds much comes to, beside one that holds little. */
export interface Million {
  formulas: number
  rates: { name: string; title: string; unit: string; empty: number; filled: number; rssBytes: number }[]
  calls: Record<'empty' | 'filled', Calls>
  /** The most that a rate was measured at. */
  rssBytes: number
  startMs: { afterStop: number; afterKill: number }
}

export interface MillionExtent extends Extent {
  formulas: number
  calls: number
}

const SUBJECTS = ['single', 'list', 'replay', 'consume-100']
/** What the store that is called empty has, so that there is something to get and to receive. */
const FEW = 2_000

/** @throws {Error} when something that was answered is not there */
export async function measureMillion(extent: MillionExtent, say: (line: string) => void): Promise<Million> {
  const rates: Million['rates'] = []
  for (const subject of cases.filter(({ name }) => SUBJECTS.includes(name))) {
    const rate = await compare(subject, extent)
    rates.push(rate)
    say(`${subject.title}: ${Math.round(rate.filled)} of ${Math.round(rate.empty)} ${rate.unit}/s when empty`)
  }
  const [empty, filled] = [
    await callsAt(Math.min(FEW, extent.formulas), extent),
    await callsAt(extent.formulas, extent),
  ]
  return {
    formulas: extent.formulas,
    rates,
    calls: { empty: empty.calls, filled: filled.calls },
    rssBytes: Math.max(...rates.map(({ rssBytes }) => rssBytes)),
    startMs: filled.startMs,
  }
}

/** Measures a case on an empty store and on a filled one, in turns. */
async function compare(subject: Case, extent: MillionExtent): Promise<Million['rates'][number]> {
  const [empty, filled] = [new Under(subject, sqlite), new Under(subject, sqlite)]
  try {
    await empty.prepare(extent)
    await filled.prepare(extent, extent.formulas)
    for (let round = 0; round < extent.rounds; round++) for (const each of [empty, filled]) await each.round(extent)
    for (const each of [empty, filled]) await each.verify()
    const { rate, rssBytes } = filled.figure()
    const { name, title, unit } = subject
    return { name, title, unit: unit.name, empty: empty.figure().rate, filled: rate, rssBytes }
  } finally {
    for (const each of [empty, filled]) await each.remove()
  }
}

/** Times single calls at so many formulas, then how long it takes to start with them. */
async function callsAt(formulas: number, { calls: times }: MillionExtent) {
  const running = await new Running(sqlite).start()
  try {
    const sent = await preload(running.url, formulas)
    const calls = await timeCalls(running.url, sent.run, formulas, times)
    sent.answered.acked = times
    await running.kill('SIGTERM')
    const afterStop = (await running.start()).startMs
    await verify(running, [sent])
    return { calls, startMs: { afterStop, afterKill: running.startMs } }
  } finally {
    await running.remove()
  }
}
