import fc from 'fast-check'
import type { Test } from 'tap'

/** Asserts that a property holds: one assertion for all runs, with the smallest counterexample when it does not. */
export function holds<Values>(t: Test, property: fc.IProperty<Values>, numRuns = 100): void {
  const result = fc.check(property, { numRuns })
  t.equal(fc.defaultReportMessage(result), undefined, `holds in ${numRuns} runs`)
}
