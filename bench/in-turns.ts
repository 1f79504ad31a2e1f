import type { Case } from './cases.ts'
import type { Contender } from './contender.ts'
import { median } from './median.ts'
import { tell } from './print.ts'
import { type Extent, type Round, Under } from './under.ts'

interface Options {
  /** How often all of them are started anew. */
  starts: number
  /** Of each start. */
  extent: Extent
  /** Done before each round of a contender. */
  before?: (under: Under) => Promise<void>
}

type Measure = 'rate' | 'cpuUsPerUnit'

/**
 * Puts contenders under the load of a case in turns, and tells how each of the others fares beside the first. Of one
 * start it is the median of the ratios within each round; of all of them the geometric mean, with the least and the most:
 * a process that is slow from its start stays so, and who is started later may fare better, so each is the first in turn.
 */
export async function compareInTurns(subject: Case, contenders: Contender[], options: Options): Promise<void> {
  const starts: Map<Contender, Round[]>[] = []
  for (let start = 0; start < options.starts; start++) {
    starts.push(await measure(subject, rotated(contenders, start), options))
  }
  const [first, ...others] = contenders as [Contender, ...Contender[]]
  const rate = geometricMean(starts.map((rounds) => median(of(rounds, first).map((round) => round.rate))))
  tell(`${first.name.padEnd(12)} ${Math.round(rate)}/s`)
  for (const other of others) {
    const beside = (measured: Measure): string => spread(starts.map((rounds) => ratio(rounds, other, first, measured)))
    tell(`${other.name.padEnd(12)} rate ${beside('rate')}, CPU a request ${beside('cpuUsPerUnit')}`)
  }
}

/** @returns the rounds of each contender, of one start */
async function measure(
  subject: Case,
  contenders: Contender[],
  { extent, before }: Options,
): Promise<Map<Contender, Round[]>> {
  const running = contenders.map((contender) => new Under(subject, contender))
  try {
    for (const each of running) await each.prepare(extent)
    const rounds = new Map(contenders.map((contender): [Contender, Round[]] => [contender, []]))
    for (let round = 0; round < extent.rounds; round++) {
      // Another begins each time: what a round does to the machine for the next is not always the same one's loss.
      for (const each of rotated(running, round)) {
        await before?.(each)
        of(rounds, each.running.contender).push(await each.round(extent))
      }
    }
    await Promise.all(running.map((each) => each.verify()))
    return rounds
  } finally {
    for (const each of running) await each.remove()
  }
}

const of = (rounds: Map<Contender, Round[]>, contender: Contender): Round[] => rounds.get(contender) as Round[]

/** Of each round, since what disturbs the machine disturbs those that are next to each other alike. */
function ratio(rounds: Map<Contender, Round[]>, contender: Contender, beside: Contender, measured: Measure): number {
  const yardstick = of(rounds, beside)
  return median(of(rounds, contender).map((round, number) => round[measured] / (yardstick[number] as Round)[measured]))
}

function rotated<T>(items: T[], by: number): T[] {
  const first = by % items.length
  return [...items.slice(first), ...items.slice(0, first)]
}

const spread = (ratios: number[]): string =>
  `${geometricMean(ratios).toFixed(3)} (${Math.min(...ratios).toFixed(3)} to ${Math.max(...ratios).toFixed(3)})`

const geometricMean = (numbers: number[]): number =>
  Math.exp(numbers.reduce((sum, number) => sum + Math.log(number), 0) / numbers.length)
