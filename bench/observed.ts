import { parseArgs } from 'node:util'
import { type Case, cases } from './cases.ts'
import { type Contender, sqlite } from './contender.ts'
import { median, percentile } from './median.ts'
import { say, tell } from './print.ts'
import { type Extent, Under } from './under.ts'

// node bench/observed.ts [--rounds 15] [--seconds 1]
// What metrics and lines about requests cost: the service with them and without, in turns, as ratios within each round.

const unobserved: Contender = {
  ...sqlite,
  name: 'unobserved',
  description: 'this service without metrics and lines about requests',
  script: new URL('./contenders/unobserved.ts', import.meta.url),
}

const everyLine: Contender = {
  ...sqlite,
  name: 'every line',
  description: 'this service with a line for each request (LOG_LEVEL=debug), read by nobody',
  environment: (directory) => ({ ...sqlite.environment(directory), LOG_LEVEL: 'debug' }),
}

const CONTENDERS = [unobserved, sqlite, everyLine]
const CASES = ['single', 'replay']

/** Scrapes as Prometheus would, far more often: the first begins what measures the process. */
async function scrape({ running }: Under): Promise<void> {
  if (running.contender === unobserved) return
  const answer = await fetch(`${running.url}/metrics`)
  if (!answer.ok) throw new Error(`/metrics answers ${answer.status}`)
  await answer.text()
}

/** @returns the rates of each contender, one a round */
async function measure(subject: Case, extent: Extent): Promise<number[][]> {
  const running = CONTENDERS.map((contender) => new Under(subject, contender))
  try {
    for (const each of running) await each.prepare(extent)
    const rates = running.map((): number[] => [])
    for (let round = 0; round < extent.rounds; round++) {
      // Another begins each time: what a round does to the machine for the next is not always the same one's loss.
      for (let turn = 0; turn < running.length; turn++) {
        const index = (round + turn) % running.length
        const each = running[index] as Under
        await scrape(each)
        rates[index]?.push((await each.round(extent)).rate)
      }
    }
    await Promise.all(running.map((each) => each.verify()))
    return rates
  } finally {
    for (const each of running) await each.remove()
  }
}

function tellRatios([yardstick = [], ...others]: number[][]): void {
  tell(`${unobserved.name.padEnd(12)} ${Math.round(median(yardstick))}/s`)
  for (const [index, rates] of others.entries()) {
    const ratios = rates.map((rate, round) => rate / (yardstick[round] as number)).toSorted((a, b) => a - b)
    const [low, high] = [25, 75].map((percent) => percentile(ratios, percent).toFixed(3))
    const name = CONTENDERS[index + 1]?.name ?? ''
    tell(`${name.padEnd(12)} ${Math.round(median(rates))}/s, ${median(ratios).toFixed(3)} of that (${low} to ${high})`)
  }
}

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '15' }, seconds: { type: 'string', default: '1' } },
})
const extent: Extent = { rounds: Number(values.rounds), seconds: Number(values.seconds), warmUpSeconds: 2 }
// Ends the contenders as well, and removes their files.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
for (const subject of cases.filter(({ name }) => CASES.includes(name))) {
  say(`\n${subject.title}`)
  tellRatios(await measure(subject, extent))
}
