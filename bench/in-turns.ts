import type { Case } from './cases.ts'
import type { Contender } from './contender.ts'
import { median, percentile } from './median.ts'
import { tell } from './print.ts'
import { type Extent, type Round, Under } from './under.ts'

interface Options {
  extent: Extent
  /** Done before each round of a contender. */
  before?: (under: Under) => Promise<void>
}

/**
 * Puts contenders under the load of a case in turns, and tells how each of the others fares beside the first: of the
 * ratios within each round the median, and the middle half.
 */
export async function compareInTurns(subject: Case, contenders: Contender[], options: Options): Promise<void> {
  tellRatios(contenders, await measure(subject, contenders, options))
}

/** @returns the rounds of each contender */
async function measure(subject: Case, contenders: Contender[], { extent, before }: Options): Promise<Round[][]> {
  const running = contenders.map((contender) => new Under(subject, contender))
  try {
    for (const each of running) await each.prepare(extent)
    const rounds = running.map((): Round[] => [])
    for (let round = 0; round < extent.rounds; round++) {
      // Another begins each time: what a round does to the machine for the next is not always the same one's loss.
      for (let turn = 0; turn < running.length; turn++) {
        const index = (round + turn) % running.length
        const each = running[index] as Under
        await before?.(each)
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
function tellRatios([first, ...rest]: Contender[], [yardstick = [], ...others]: Round[][]): void {
  tell(`${first?.name.padEnd(12)} ${Math.round(median(yardstick.map(({ rate }) => rate)))}/s`)
  for (const [index, rounds] of others.entries()) {
    const ratio = (of: 'rate' | 'cpuUsPerUnit'): string => {
      const ratios = rounds
        .map((round, number) => round[of] / (yardstick[number] as Round)[of])
        .toSorted((a, b) => a - b)
      const [low, high] = [25, 75].map((percent) => percentile(ratios, percent).toFixed(3))
      return `${median(ratios).toFixed(3)} (${low} to ${high})`
    }
    tell(`${(rest[index]?.name ?? '').padEnd(12)} rate ${ratio('rate')}, CPU a request ${ratio('cpuUsPerUnit')}`)
  }
}
