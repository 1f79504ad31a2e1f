import type { Measured } from '../record.ts'
import { rateBars, shareBars } from './bars.ts'
import { latencies } from './latencies.ts'
import { overloadCurve, sweepCurve } from './series.ts'
import { drawing, type Panel } from './svg.ts'

/** All that was measured, as one SVG. */
export function picture({ cases, overload, sweep }: Measured): string {
  const panels: Panel[] = []
  if (cases.length > 0) panels.push(shareBars(cases), rateBars(cases), latencies(cases))
  if (overload !== undefined) panels.push(overloadCurve(overload))
  if (sweep !== undefined) panels.push(sweepCurve(sweep))
  return drawing('Rates and latencies of the contenders in each case', panels)
}
