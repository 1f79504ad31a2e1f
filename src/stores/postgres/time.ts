import { type Clock, systemClock } from '../../clock.ts'

/**
 * The time of a statement, in milliseconds: the database's own, so that instances whose clocks differ agree on when a
 * lease ends. `$1` is null then; another time is given where a test moves the clock by hand.
 */
export const NOW = `coalesce($1::bigint, floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint)`

/** What stands for `$1` in statements that ask for `NOW`. */
export type GivenTime = () => number | null

export const givenTime = (clock: Clock): GivenTime => (clock === systemClock ? () => null : () => clock.now())
