import fc, { type Arbitrary } from 'fast-check'
import type { Consumption } from './clients.ts'
import { SPELLINGS } from './make-ups.ts'
import type { Plan } from './submit-commands.ts'

/** What happens in one run, in an order that the scheduler chooses. */
export interface Scenario {
  submissions: Plan[]
  consumers: Consumption[]
  /** Spans of time that pass at any moment, in milliseconds. */
  jumps: number[]
  /** After how many calls and replies the process dies; null when it does not. */
  crashAfter: number | null
}

const formula = fc.record({ makeUp: fc.nat(2), spelling: fc.nat(SPELLINGS - 1), name: fc.nat(1) })

/** Submissions that come into each other's way: two keys, three make-ups. */
const rivals: Arbitrary<Plan> = fc.record({
  key: fc.nat(1),
  quoted: fc.boolean(),
  onDuplicate: fc.constantFrom('reject' as const, 'skip' as const),
  single: fc.constant(false),
  formulas: fc.oneof(
    fc.array(formula, { minLength: 1, maxLength: 3, size: 'max' }),
    // The same make-ups in another order, and the same payload again, are frequent.
    fc.constantFrom([0, 1], [1, 0], [0]).map((list) => list.map((makeUp) => ({ makeUp, spelling: 0, name: 0 }))),
  ),
})

const consumptions: Arbitrary<Consumption> = fc.record({
  max: fc.integer({ min: 1, max: 3 }),
  waitMs: fc.constantFrom(0, 1_000, 5_000),
  leaseMs: fc.constantFrom(1_000, 30_000),
  answer: fc.constantFrom('ack', 'nack', 'extend', 'nothing'),
})

const submissions = fc.array(rivals, { minLength: 2, maxLength: 4, size: 'max' })
const consumers = fc.array(consumptions, { maxLength: 3, size: 'max' })
const jumps = fc.array(fc.constantFrom(100, 1_000, 5_000, 31_000), { minLength: 1, maxLength: 3, size: 'max' })
const crashAfter = fc.integer({ min: 1, max: 60 })

const calm = (scenario: Pick<Scenario, 'submissions'> & Partial<Scenario>): Scenario => {
  return { consumers: [], jumps: [], crashAfter: null, ...scenario }
}

/** The kinds of runs, each with what it shows. */
export const SCENARIOS: Record<string, Arbitrary<Scenario>> = {
  'submissions at once are answered as if they had come one after another': fc.record({ submissions }).map(calm),
  'consumers at once get each event, one at a time': fc.record({ submissions, consumers }).map(calm),
  'whatever takes however long, nothing is lost or doubled': fc.record({ submissions, consumers, jumps }).map(calm),
  'a process that dies at any moment leaves nothing half done': fc
    .record({ submissions, consumers, crashAfter })
    .map(calm),
}
