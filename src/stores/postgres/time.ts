import { type Clock, systemClock } from '../../kit/clock.ts'

/**
 * The time of a statement, in milliseconds: the database's own, so that instances whose clocks differ agree on when a
 * lease ends. What is given is null then; it is another time where a test moves the clock by hand.
 */
export const timeUnless = (given: string): string =>
  `coalesce(${given},
  pg_catalog.floor(extract(epoch FROM pg_catalog.statement_timestamp()) OPERATOR(pg_catalog.*) 1000)::bigint)`

export const NOW = timeUnless('$1::bigint')

/** What stands for `$1` in statements that ask for `NOW`. */
export type GivenTime = () => number | null

export const givenTime = (clock: Clock): GivenTime => (clock === systemClock ? () => null : () => clock.now())
