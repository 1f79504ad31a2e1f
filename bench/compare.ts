import type { Case } from './cases.ts'
import type { Contender } from './contender.ts'
import { say, tell } from './print.ts'
import { geometricMean, median } from './statistics.ts'
import { type Extent, measureInTurns, type Round, rotated, Trial } from './trial.ts'

interface Options {
  /** How often all contenders are started. */
  starts: number
  /** Per start. */
  extent: Extent
  beforeRound?: (running: Trial['running']) => Promise<unknown>
}

type Measure = 'rate' | 'cpuUsPerUnit' | 'writtenBytesPerUnit'

/**
 * Compares contenders under one load, and prints each as a ratio to the first: per start the median of the ratios of
 * rounds, over all starts the geometric mean, least and most. Several starts are needed because a process that starts
 * slow stays slow; their order rotates.
 */
export async function compare(subject: Case, contenders: Contender[], options: Options): Promise<void> {
  const starts: Map<Contender, Round[]>[] = []
  for (let start = 0; start < options.starts; start++) {
    const trials = rotated(contenders, start).map((contender) => new Trial(subject, contender, options))
    await measureInTurns(trials, options.extent)
    starts.push(new Map(trials.map(({ running, rounds }) => [running.contender, rounds])))
  }
  const [first, ...others] = contenders as [Contender, ...Contender[]]
  const rate = geometricMean(starts.map((rounds) => median(of(rounds, first).map((round) => round.rate))))
  say(`\n${subject.title}`)
  tell(`${first.name.padEnd(12)} ${Math.round(rate)}/s`)
  for (const other of others) {
    const spread = (measure: Measure): string => spreadOf(starts.map((rounds) => ratio(rounds, other, first, measure)))
    const [speed, cpu, written] = [spread('rate'), spread('cpuUsPerUnit'), spread('writtenBytesPerUnit')]
    tell(`${other.name.padEnd(12)} rate ${speed}, CPU per unit ${cpu}, bytes written per unit ${written}`)
  }
}

const of = (rounds: Map<Contender, Round[]>, contender: Contender): Round[] => rounds.get(contender) as Round[]

/** Compares within rounds, since disturbances affect neighbours alike. */
function ratio(rounds: Map<Contender, Round[]>, contender: Contender, base: Contender, measure: Measure): number {
  const ours = of(rounds, contender).map((round) => round[measure])
  return median(ours.map((value, index) => value / (of(rounds, base)[index] as Round)[measure]))
}

function spreadOf(ratios: number[]): string {
  if (!ratios.every(Number.isFinite)) return '–'
  const [mean, least, most] = [geometricMean(ratios), Math.min(...ratios), Math.max(...ratios)]
  return `${mean.toFixed(3)} (${least.toFixed(3)} to ${most.toFixed(3)})`
}
