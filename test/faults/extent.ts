import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** How far a fault run goes: `short` is `npm run test:faults:short`, `long` is `npm run test:faults`. */
const extent = process.env.FAULT_RUN === 'long' ? 'long' : 'short'

/** The figure for this run. */
export const sized = (short: number, long: number): number => (extent === 'long' ? long : short)

/**
 * Where all chance of a fault run comes from. The short run has the same seed each time, the long run one of the day's
 * milliseconds; `FAULT_SEED` repeats one.
 */
export const seed = Number(process.env.FAULT_SEED ?? (extent === 'long' ? Date.now() % 2 ** 31 : 1))

/** Seeded chance. */
export interface Chance {
  /** An integer from `min` to `max`, both included. */
  integer(min: number, max: number): number
  /** True in `percent` of 100 cases. */
  happens(percent: number): boolean
  /** One of these. */
  oneOf<T>(choices: readonly T[]): T
}

/** @param stream tells independent uses of one seed apart */
export function chance(stream = 0): Chance {
  const generator = xoroshiro128plus((seed + stream * 0x9e3779b1) | 0)
  const integer = (min: number, max: number): number => uniformInt(generator, min, max)
  return {
    integer,
    happens: (percent) => integer(1, 100) <= percent,
    oneOf: (choices) => choices[integer(0, choices.length - 1)] as (typeof choices)[number],
  }
}
