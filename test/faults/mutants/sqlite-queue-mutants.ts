import type { Mutant } from './mutant.ts'

const EVENTS = 'src/stores/sqlite/event-tables.ts'
const EVENT_SQL = 'src/stores/sqlite/event-statements.ts'
const SUITE = 'test/stores/sqlite.test.ts'

/** Bugs in the queue's tables. */
export const sqliteQueueMutants: Mutant[] = [
  {
    name: 'sqlite: a release that is repeated publishes again',
    breaks: 'a formula has exactly one event',
    classic: 'double publish on ambiguous commit',
    edits: [
      [EVENTS, "if (state === 'released' || state === 'removed') return\n", "if (state === 'removed') return\n"],
      [EVENTS, 'if (state === undefined) append(', "if (state !== 'held') append("],
    ],
    caughtBy: [
      SUITE,
      'sqlite event queue: sagas',
      'releasing again shows nothing twice, even when the events are done',
    ],
  },
  {
    name: 'sqlite: a rollback removes held events by fingerprint',
    breaks: "a rollback goes by attempt and cannot remove another's events",
    classic: 'compensation by fingerprint',
    edits: [
      [
        EVENT_SQL,
        'DELETE FROM held WHERE attempt = ?',
        'DELETE FROM held WHERE id IN (SELECT id FROM held WHERE attempt = ?)',
      ],
    ],
    caughtBy: [SUITE, 'sqlite event queue: sagas', 'two attempts with the same events do not touch each other'],
  },
  {
    name: 'sqlite: held events are visible',
    breaks: 'nobody sees a held event',
    edits: [
      [
        EVENTS,
        "      sql.setMark.run(attempt, 'held', now)\n",
        "      sql.setMark.run(attempt, 'held', now)\n      append(events.map(toRow))\n",
      ],
    ],
    caughtBy: [SUITE, 'sqlite event queue: sagas', 'nobody sees a held event'],
  },
  {
    name: 'sqlite: a publish that arrives late passes the tombstone',
    breaks: 'a publish that arrives after its rollback is refused',
    edits: [
      [
        EVENTS,
        "if (mark !== undefined) return mark.state !== 'removed'",
        "if (mark !== undefined && mark.state !== 'removed') return true",
      ],
    ],
    caughtBy: [SUITE, 'sqlite event queue: tombstones', 'a publish that arrives after its removal is refused'],
  },
  {
    name: 'sqlite: leases are not fenced off from each other',
    breaks: 'a receipt of an earlier lease changes nothing',
    classic: 'lease without fencing',
    edits: [
      [EVENT_SQL, 'FROM leased WHERE lease = ? AND nonce = ?', 'FROM leased WHERE position = ? AND ? IS NOT NULL'],
      [EVENTS, 'receiptOf({ lease: Number(lease), nonce })', 'receiptOf({ lease: position, nonce })'],
    ],
    caughtBy: [
      SUITE,
      'sqlite event queue: receipts',
      'the receipt of an earlier lease does not touch the lease that runs',
    ],
  },
  {
    name: 'sqlite: a receipt outlives its lease',
    breaks: 'an ack after the end of the lease is refused',
    classic: 'lease without fencing',
    edits: [[EVENTS, '    moveDue(now)\n    const stale', '    const stale']],
    caughtBy: [
      SUITE,
      'sqlite event queue: receipts',
      'the end of a lease is noticed by an ack that comes too late itself',
    ],
  },
  {
    name: 'sqlite: an event is leased and stays ready',
    breaks: 'an event is leased to one consumer at a time',
    edits: [
      [
        EVENTS,
        'if (last !== undefined) sql.removeFront.run(last.position)',
        'if (last === undefined) sql.removeFront.run(0)',
      ],
    ],
    caughtBy: [SUITE, 'sqlite event queue: leases', 'an event is leased to one consumer at a time'],
  },
  {
    name: 'sqlite: an expired lease goes to the back',
    breaks: 'an expired event goes to the front',
    edits: [[EVENT_SQL, '`INSERT INTO ready SELECT position, id', '`INSERT INTO ready SELECT position + 1000000, id']],
    caughtBy: [SUITE, 'sqlite event queue: order', 'an expired lease returns to the front'],
  },
  {
    name: 'sqlite: no event ever dies',
    breaks: 'one poisoned event blocks nobody',
    edits: [[EVENTS, 'const sql = eventStatements(db)', 'const sql = eventStatements(db)\n  maxReceives *= 1_000']],
    caughtBy: [SUITE, 'sqlite event queue: leases', 'an event whose last lease expires is dead, and blocks nobody'],
  },
  {
    name: 'sqlite: a redriven event keeps its count',
    breaks: 'a redriven event starts over',
    edits: [
      [
        EVENTS,
        'of rows) {\n          sql.addReady.run(counters.next_position++, id, name, created_at, 0, traceparent)',
        'of rows) {\n          sql.addReady.run(counters.next_position++, id, name, created_at, 1, traceparent)',
      ],
    ],
    caughtBy: [SUITE, 'sqlite event queue: redrive', 'a redriven event joins the back, its count starting over'],
  },
  {
    name: 'sqlite: an event whose lease expires forgets its trace',
    breaks: 'an event tells the trace of its submission',
    edits: [[EVENT_SQL, 'receives, traceparent FROM leased', 'receives, NULL FROM leased']],
    caughtBy: [
      SUITE,
      'sqlite event queue: traces',
      'an event that comes back still tells it: nacked, delayed, put back, expired',
    ],
  },
]
