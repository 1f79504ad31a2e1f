import { parseArgs } from 'node:util'
import { type Case, cases } from './cases.ts'
import { type Contender, sqlite } from './contender.ts'
import { median, percentile } from './median.ts'
import { say, tell } from './print.ts'
import { type Extent, type Round, Under } from './under.ts'

// node bench/observed.ts [--rounds 15] [--seconds 1]
// What metrics and lines about requests cost: the service with them and without, in turns. Of the ratios within each
// round it tells the median, and the middle half.

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

/** @returns the rounds of each contender */
async function measure(subject: Case, extent: Extent): Promise<Round[][]> {
  const running = CONTENDERS.map((contender) => new Under(subject, contender))
  try {
    for (const each of running) await each.prepare(extent)
    const rounds = running.map((): Round[] => [])
    for (let round = 0; round < extent.rounds; round++) {
      // Another begins each time: what a round does to the machine for the next is not always the same one's loss.
      for (let turn = 0; turn < running.length; turn++) {
        const index = (round + turn) % running.length
        const each = running[index] as Under
        await scrape(each)
        rounds[index]?.push(await each.round(extent))
      }
    }
    await Promise.all(running.map((each) => each.verify()))
    return rounds
  } finally {
    for (const each of running) await each.remove()
  }
}

/** Rates are what counts; on a machine that does other things as well, time of the processor tells more. */
function tellRatios([yardstick = [], ...others]: Round[][]): void {
  tell(`${unobserved.name.padEnd(12)} ${Math.round(median(yardstick.map(({ rate }) => rate)))}/s`)
  for (const [index, rounds] of others.entries()) {
    const ratio = (of: 'rate' | 'cpuUsPerUnit'): string => {
      const ratios = rounds
        .map((round, number) => round[of] / (yardstick[number] as Round)[of])
        .toSorted((a, b) => a - b)
      const [low, high] = [25, 75].map((percent) => percentile(ratios, percent).toFixed(3))
      return `${median(ratios).toFixed(3)} (${low} to ${high})`
    }
    tell(
      `${(CONTENDERS[index + 1]?.name ?? '').padEnd(12)} rate ${ratio('rate')}, CPU a request ${ratio('cpuUsPerUnit')}`,
    )
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
