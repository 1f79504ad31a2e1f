import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** Whether this is the long run (`npm run test:faults`) or the short one (`npm run test:faults:short`). */
export const isLong = process.env.FAULT_RUN === 'long'

/** The figure for this run. */
export const sized = (short: number, long: number): number => (isLong ? long : short)

/**
 * Seed of all randomness in a fault run: fixed in the short run, taken from the clock in the long one. `FAULT_SEED`
 * overrides it, to repeat a run.
 */
export const seed = Number(process.env.FAULT_SEED ?? (isLong ? Date.now() % 2 ** 31 : 1))

/** Seeded randomness. */
export interface Chance {
  /** An integer from `min` to `max`, both included. */
  integer(min: number, max: number): number
  /** True in `percent` of 100 cases. */
  happens(percent: number): boolean
  oneOf<T>(choices: readonly T[]): T
}

/** @param stream separates independent uses of one seed */
export function chance(stream = 0): Chance {
  const generator = xoroshiro128plus((seed + stream * 0x9e3779b1) | 0)
  const integer = (min: number, max: number): number => uniformInt(generator, min, max)
  return {
    integer,
    happens: (percent) => integer(1, 100) <= percent,
    oneOf: (choices) => choices[integer(0, choices.length - 1)] as (typeof choices)[number],
  }
}
