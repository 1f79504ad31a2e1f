import type { Case } from './cases.ts'
import type { Contender } from './contender.ts'
import { say, tell } from './print.ts'
import { geometricMean, median } from './statistics.ts'
import { type Extent, measureInTurns, type Round, rotated, Trial } from './trial.ts'

export interface CompareOptions {
  /** How often all contenders are started. */
  starts: number
  /** Per start. */
  extent: Extent
  beforeRound?: (running: Trial['running']) => Promise<unknown>
}

/** Ratios of starts: their geometric mean, least and most. */
export interface Spread {
  mean: number
  least: number
  most: number
}

type Measure = 'rate' | 'cpuUsPerUnit' | 'writtenBytesPerUnit'

/**
 * Compares contenders under one load, and prints each as a ratio to the first: per start the median of the ratios of
 * rounds, over all starts the geometric mean, least and most. Several starts are needed because a process that starts
 * slow stays slow; their order rotates.
 * @returns the ratios of rates, for each contender but the first
 */
export async function compare(subject: Case, contenders: Contender[], options: CompareOptions): Promise<Spread[]> {
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
  return others.map((other) => {
    const spread = (measure: Measure): Spread => spreadOf(starts.map((rounds) => ratio(rounds, other, first, measure)))
    const rates = spread('rate')
    const [cpu, written] = [spread('cpuUsPerUnit'), spread('writtenBytesPerUnit')].map(inWords)
    tell(`${other.name.padEnd(12)} rate ${inWords(rates)}, CPU per unit ${cpu}, bytes written per unit ${written}`)
    return rates
  })
}

const of = (rounds: Map<Contender, Round[]>, contender: Contender): Round[] => rounds.get(contender) as Round[]

/** Compares within rounds, since disturbances affect neighbours alike. */
function ratio(rounds: Map<Contender, Round[]>, contender: Contender, base: Contender, measure: Measure): number {
  const ours = of(rounds, contender).map((round) => round[measure])
  return median(ours.map((value, index) => value / (of(rounds, base)[index] as Round)[measure]))
}

const spreadOf = (ratios: number[]): Spread => {
  return { mean: geometricMean(ratios), least: Math.min(...ratios), most: Math.max(...ratios) }
}

export const inWords = ({ mean, least, most }: Spread): string =>
  Number.isFinite(mean) ? `${mean.toFixed(3)} (${least.toFixed(3)} to ${most.toFixed(3)})` : '–'
