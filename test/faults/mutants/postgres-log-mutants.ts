import type { Mutant } from './mutant.ts'

const FUNCTIONS = 'src/stores/postgres/functions.ts'
const LEASES = 'src/stores/postgres/lease-functions.ts'
const SUBSCRIPTIONS = 'src/stores/postgres/subscription-functions.ts'
const SUITE = 'test/stores/postgres.test.ts'
const ORDER = 'test/postgres/log-order.test.ts'
const ERASE = 'postgres event queue: erasing'
const TRIM = 'postgres event queue: trimming'

/** Bugs in the event log in PostgreSQL, and in how subscriptions read it. */
export const postgresLogMutants: Mutant[] = [
  {
    name: 'postgres: positions are given before the commit is next',
    breaks: 'positions come in the order of commits',
    edits: [
      [
        FUNCTIONS,
        'UPDATE formula_intake.log SET head = head + cardinality(ids) WHERE single RETURNING head - cardinality(ids) AS before',
        "SELECT setval('formula_intake.deaths', nextval('formula_intake.deaths') + cardinality(ids) - 1) - cardinality(ids) AS before",
      ],
    ],
    caughtBy: [ORDER, 'read committed: events with positions whose transaction is not committed are not skipped'],
  },
  {
    name: 'postgres: positions have gaps',
    breaks: 'positions have no gaps',
    edits: [[FUNCTIONS, 'SET head = head + cardinality(ids) WHERE', 'SET head = head + cardinality(ids) + 1 WHERE']],
    caughtBy: [ORDER, 'read committed: under many writers, receivers get each event once'],
  },
  {
    name: 'postgres: a position is the number of the formula',
    breaks: 'positions come in the order of commits',
    edits: [
      [FUNCTIONS, "SELECT before + ordinal, decode(id, 'hex'), formula", "SELECT formula, decode(id, 'hex'), formula"],
    ],
    caughtBy: [ORDER, 'read committed: a transaction that has no positions yet is neither waited for nor skipped'],
  },
  {
    name: 'postgres: events are leased without holding the subscription',
    breaks: 'an event is leased to one consumer at a time',
    edits: [[LEASES, 'WHERE name = wanted FOR UPDATE;', 'WHERE name = wanted;']],
    caughtBy: [ORDER, 'read committed: events leased by an uncommitted transaction are given to nobody else'],
  },
  {
    name: 'postgres: a position moves to the counter, not to the last event that was read',
    breaks: 'no event is skipped',
    edits: [
      [
        LEASES,
        'coalesce(up_to, greatest(position, (SELECT max(position) FROM formula_intake.events)))',
        '(SELECT head FROM formula_intake.log)',
      ],
      [LEASES, 'WHEN (SELECT count(*) FROM next) = most THEN', 'WHEN false THEN'],
    ],
    caughtBy: [SUITE, 'postgres event queue: order', 'first in, first out, and never more than was asked for'],
  },
  {
    name: 'postgres: one subscription takes the events of the others',
    breaks: 'every subscription gets every event',
    edits: [[LEASES, 'FROM formula_intake.events))) END\n    WHERE id = own.id', 'FROM formula_intake.events))) END']],
    caughtBy: [SUITE, 'postgres event queue: readers', 'every subscription gets every event, in its own time'],
  },
  {
    name: 'postgres: an ack ends the leases of every subscription',
    breaks: 'a receipt is good for one lease of one subscription',
    classic: 'lease without fencing',
    edits: [
      [
        LEASES,
        'd.subscription = r.subscription AND d.position = r.position AND d.nonce = r.nonce\n',
        "d.position = r.position AND d.state = 'leased'\n",
      ],
    ],
    caughtBy: [SUITE, 'postgres event queue: readers', 'a receipt settles nothing in another subscription'],
  },
  {
    name: 'postgres: a redriven event goes to the front',
    breaks: 'a redriven event takes its turn behind what was in the log',
    edits: [
      [LEASES, 'IF up_to <= own.position THEN', 'IF up_to IS NOT NULL THEN'],
      [LEASES, 'AND coalesce(behind, 0) <= own.position', ''],
    ],
    caughtBy: [
      SUITE,
      'postgres event queue: redrive',
      'a redriven event comes after older events and before later ones, leased 2 at a time',
    ],
  },
  {
    name: 'postgres: trimming goes past what is leased',
    breaks: 'what is leased can come back',
    edits: [[SUBSCRIPTIONS, 'd.position = oldest.position AND d.fingerprint IS NULL', 'd.position = -oldest.position']],
    caughtBy: [SUITE, TRIM, 'trimming stops at an event that is leased, delayed or returned'],
  },
  {
    name: 'postgres: trimming goes past what a slow subscription has not read',
    breaks: 'no event is removed that is still to be read',
    edits: [
      [
        SUBSCRIPTIONS,
        '(SELECT min(position) FROM formula_intake.subscriptions)',
        '(SELECT max(position) FROM formula_intake.subscriptions)',
      ],
    ],
    caughtBy: [SUITE, TRIM, 'an event that one subscription has not read stays, however far the others are'],
  },
  {
    name: 'postgres: blank events count as ready',
    breaks: 'what is ready can be received',
    edits: [
      [
        SUBSCRIPTIONS,
        'WHERE position > own.position AND fingerprint IS NULL)',
        'WHERE position < own.position AND fingerprint IS NULL)',
      ],
    ],
    caughtBy: [SUITE, ERASE, 'an erased event that nobody has read is skipped, and no longer counted'],
  },
  {
    name: 'postgres: blank events are handed out',
    breaks: 'an erased event is delivered to nobody',
    edits: [[LEASES, '9223372036854775807) AND fingerprint IS NOT NULL', '9223372036854775807)']],
    caughtBy: [SUITE, ERASE, 'an erased event that nobody has read is skipped, and no longer counted'],
  },
  {
    name: 'postgres: an erased event stays leased',
    breaks: 'what is erased has no deliveries',
    edits: [[SUBSCRIPTIONS, 'AND d.position = blank.position;', 'AND d.position = -blank.position;']],
    caughtBy: [SUITE, ERASE, 'erasing removes deliveries in any state at once, and their receipts are stale'],
  },
  {
    name: 'postgres: a move keeps the leases that run',
    breaks: 'a receipt from before a move is stale',
    edits: [[SUBSCRIPTIONS, "(d.state <> 'dead' OR", "(d.state NOT IN ('dead', 'leased') OR"]],
    caughtBy: [
      SUITE,
      'postgres event queue: moves',
      'all that is leased, delayed, given back or redriven is dropped by a move to the end',
    ],
  },
  {
    name: 'postgres: a paused subscription delivers events',
    breaks: 'a pause stops deliveries',
    edits: [
      [LEASES, 'IF own.paused OR NOT (', 'IF NOT ('],
      [LEASES, 'IF own.paused THEN', 'IF own.paused IS NULL THEN'],
    ],
    caughtBy: [
      SUITE,
      'postgres event queue: pauses',
      'a paused subscription delivers nothing, and resumes where it was',
    ],
  },
  {
    name: 'postgres: the formulas of a saga are numbered in the order of their fingerprints',
    breaks: 'the list goes by order of acceptance',
    edits: [
      [FUNCTIONS, 'row_number() OVER (ORDER BY seq) AS place', 'row_number() OVER (ORDER BY fingerprint) AS place'],
    ],
    caughtBy: [
      SUITE,
      'postgres idempotency store: answers by reference',
      'saga: a list of 1,000 formulas, every second one a duplicate, is replayed the same',
    ],
  },
]
