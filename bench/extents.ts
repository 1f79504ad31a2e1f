import type { EnduranceExtent } from './endurance.ts'
import type { MillionExtent } from './million.ts'
import type { OverloadExtent } from './overload.ts'
import type { PostgresExtent } from './postgres/part.ts'
import type { SweepExtent } from './sweep.ts'
import type { Extent } from './under.ts'

/** How much of everything a run measures; what is absent, it does not. */
export interface Extents {
  cases?: Extent
  million?: MillionExtent
  overload?: OverloadExtent
  sweep?: SweepExtent
  endurance?: EnduranceExtent
  postgres?: PostgresExtent
}

/** Within three minutes, to see where one stands. */
export const quick: Extents = { cases: { rounds: 3, seconds: 1, warmUpSeconds: 1 } }

const TEN_MINUTES = 600

/** What docs/performance.md quotes. */
export const full: Extents = {
  cases: { rounds: 5, seconds: 3, warmUpSeconds: 2 },
  million: { rounds: 3, seconds: 3, warmUpSeconds: 2, formulas: 1_000_000, calls: 2_000 },
  overload: { seconds: 10, connections: [64, 256, 1024, 4096, 6144, 8192] },
  sweep: { fillSeconds: 20, expirySeconds: 30, loadSeconds: 40, rounds: 5, answersPerRound: 20_000, restSeconds: 15 },
  endurance: { seconds: Number(process.env.BENCH_ENDURANCE_SECONDS ?? TEN_MINUTES), everySeconds: 5 },
}

/** What docs/scale.md quotes. */
export const onPostgres: Extents = {
  postgres: {
    rounds: 5,
    seconds: 4,
    warmUpSeconds: 2,
    consumption: { rounds: 5, seconds: 2, warmUpSeconds: 1 },
    backlog: { rounds: 3, seconds: 3, warmUpSeconds: 2, formulas: 1_000_000 },
    heldEvents: 500_000,
  },
}
