import { atLeast, whole } from '../judged.ts'
import type { Judged } from '../record.ts'
import { type HeldSnapshot, heldShare } from './held-snapshot.ts'
import type { PostgresFigures } from './part.ts'

/** The goals of the service on PostgreSQL, beside what one would write there first. */
export function postgresGoals({ intake, consumption, backlog, heldSnapshot }: PostgresFigures): Judged[] {
  const held = whole(backlog.formulas)
  return [
    ...beside(intake, 'transaction-a-request', 4, 'one formula: at least 4 times a transaction for each request'),
    ...beside(intake, 'pg-boss', 8, 'one formula: at least 8 times the same with pg-boss'),
    ...beside(consumption, 'pg-boss', 2, 'receive and ack by 100: at least 2 times fetch and complete of pg-boss'),
    ...backlog.rates.map(({ title, empty, filled }) =>
      atLeast(`PostgreSQL, ${title}, at ${held} formulas and events: at least 0.7 of when empty`, filled / empty, 0.7),
    ),
    ...(heldSnapshot === undefined ? [] : [heldGoal(heldSnapshot)]),
  ]
}

function heldGoal(measured: HeldSnapshot): Judged {
  const held = 'while a transaction elsewhere stays open: at least 0.7 of the rate without it in the end'
  return atLeast(`PostgreSQL, ${whole(measured.events)} events consumed ${held}`, heldShare(measured), 0.7)
}

/** Judges our rate as a multiple of another's, where both were measured. */
function beside(figures: { contender: string; rate: number }[], other: string, least: number, goal: string): Judged[] {
  const [ours, theirs] = ['postgres', other].map((name) => figures.find(({ contender }) => contender === name))
  return ours && theirs ? [atLeast(`PostgreSQL, ${goal}`, ours.rate / theirs.rate, least)] : []
}
