import type { Mutant } from './mutant.ts'

const HELD = 'src/stores/sqlite/queue/event-log.ts'
const LINE = 'src/stores/sqlite/queue/event-line.ts'
const LEASES = 'src/stores/sqlite/queue/leases.ts'
const DEAD = 'src/stores/sqlite/queue/dead-letters.ts'
const STATES = 'src/stores/sqlite/queue/event-states.ts'
const SUITE = 'test/stores/sqlite.test.ts'

/** Bugs in how events are released, leased and given back. */
export const sqliteQueueMutants: Mutant[] = [
  {
    name: 'sqlite: a release that is repeated publishes again',
    breaks: 'a formula has exactly one event',
    classic: 'double publish on ambiguous commit',
    edits: [
      [HELD, "if (state === 'released' || state === 'removed') return false", "if (state === 'removed') return false"],
    ],
    caughtBy: [
      SUITE,
      'sqlite event queue: sagas',
      'releasing again publishes nothing twice, even after the events were acked',
    ],
  },
  {
    name: 'sqlite: a rollback removes held events by fingerprint',
    breaks: "a rollback goes by attempt and cannot remove another's events",
    classic: 'compensation by fingerprint',
    edits: [
      [
        HELD,
        "if (sql.mark.get(attempt)?.state !== 'released') end(",
        `db.prepare(\`UPDATE marks SET state = 'removed' WHERE attempt IN (SELECT other.attempt FROM held AS own
        JOIN held AS other USING (fingerprint) WHERE own.attempt = ?)\`).run(attempt)
      if (sql.mark.get(attempt)?.state !== 'released') end(`,
      ],
    ],
    caughtBy: [SUITE, 'sqlite event queue: sagas', 'two attempts with the same events do not affect each other'],
  },
  {
    name: 'sqlite: held events are visible',
    breaks: 'nobody sees a held event',
    edits: [
      [
        HELD,
        "      sql.setMark.run(attempt, 'held', now)\n",
        "      sql.setMark.run(attempt, 'held', now)\n      log.append(events)\n",
      ],
    ],
    caughtBy: [SUITE, 'sqlite event queue: sagas', 'nobody sees a held event'],
  },
  {
    name: 'sqlite: a publish that arrives late passes the tombstone',
    breaks: 'a publish that arrives after its rollback is refused',
    edits: [
      [
        HELD,
        "if (mark !== undefined) return mark.state !== 'removed'",
        "if (mark !== undefined && mark.state !== 'removed') return true",
      ],
    ],
    caughtBy: [SUITE, 'sqlite event queue: tombstones', 'a publish that arrives after its removal is refused'],
  },
  {
    name: 'sqlite: a rollback leaves no tombstone',
    breaks: 'a publish that arrives after its rollback is refused',
    edits: [[HELD, "!== 'released') end(now, attempt, 'removed')", "!== 'released') sql.remove.run(attempt)"]],
    caughtBy: [SUITE, 'sqlite event queue: tombstones', 'a publish that arrives after its removal is refused'],
  },
  {
    name: 'sqlite: leases are not fenced off from each other',
    breaks: 'a receipt of an earlier lease changes nothing',
    classic: 'lease without fencing',
    edits: [[LEASES, "AND state = 'leased' AND nonce = ?", "AND state = 'leased' AND ? IS NOT NULL"]],
    caughtBy: [
      SUITE,
      'sqlite event queue: receipts',
      'the receipt of an earlier lease does not affect the current lease',
    ],
  },
  {
    name: 'sqlite: a receipt outlives its lease',
    breaks: 'an ack after the end of the lease is refused',
    classic: 'lease without fencing',
    edits: [[LEASES, '    if (!moved.has(subscription)) this.#line.moveDue(now, subscription)\n', '']],
    caughtBy: [
      SUITE,
      'sqlite event queue: receipts',
      'the end of a lease is noticed by an ack that comes too late itself',
    ],
  },
  {
    name: 'sqlite: an ack ends the leases of every subscription',
    breaks: 'a receipt is good for one lease of one subscription',
    edits: [
      [
        LEASES,
        'this.#sql.remove.run(position, subscription.id)',
        'for (const { id } of this.#parts.subscriptions.all) this.#sql.remove.run(position, id)',
      ],
    ],
    caughtBy: [SUITE, 'sqlite event queue: readers', 'a receipt settles nothing in another subscription'],
  },
  {
    name: 'sqlite: a receipt of any subscription is taken for one of the first',
    breaks: 'a receipt is good for one lease of one subscription',
    classic: 'lease without fencing',
    edits: [
      [LEASES, 'subscriptions.withId(Number(id))', 'subscriptions.withId(Number(id) && 1)'],
      [LEASES, "AND state = 'leased' AND nonce = ?", "AND state = 'leased' AND ? IS NOT NULL"],
    ],
    caughtBy: [SUITE, 'sqlite event queue: readers', 'a receipt settles nothing in another subscription'],
  },
  {
    name: 'sqlite: an event is leased and stays ready',
    breaks: 'an event is leased to one consumer at a time',
    edits: [
      [
        LINE,
        'subscriptions.moveTo(subscription, end.position)',
        'subscriptions.moveTo(subscription, end.position - 1)',
      ],
      [LEASES, '    lease: `INSERT INTO', '    lease: `INSERT OR REPLACE INTO'],
    ],
    caughtBy: [SUITE, 'sqlite event queue: leases', 'an event is leased to one consumer at a time'],
  },
  {
    name: 'sqlite: an expired lease goes to the back',
    breaks: 'an expired event goes to the front',
    edits: [
      [LINE, "const leased = this.#ready(subscription, 'returned', max).map(leaseReady)", 'const leased: L[] = []'],
      [
        LINE,
        '    return leased\n  }\n',
        "    return leased.concat(this.#ready(subscription, 'returned', max - leased.length).map(leaseReady))\n  }\n",
      ],
    ],
    caughtBy: [SUITE, 'sqlite event queue: order', 'an expired lease returns to the front'],
  },
  {
    name: 'sqlite: no event ever dies',
    breaks: 'one poisoned event blocks nobody',
    edits: [[LINE, 'now, this.#parts.maxReceives)', 'now, 1_000 * this.#parts.maxReceives)']],
    caughtBy: [SUITE, 'sqlite event queue: leases', 'an event whose last lease expires is dead, and blocks nobody'],
  },
  {
    name: 'sqlite: a redriven event keeps its count',
    breaks: 'a redriven event starts over',
    edits: [
      [
        DEAD,
        "state = 'redriven', rank = ?, receives = 0, after",
        "state = 'redriven', rank = ?, receives = receives, after",
      ],
    ],
    caughtBy: [SUITE, 'sqlite event queue: redrive', 'a redriven event joins the back, its count starting over'],
  },
  {
    name: 'sqlite: a redriven event goes to the front',
    breaks: 'a redriven event takes its turn behind what was in the log',
    edits: [[LINE, 'redriven.after <= subscription.position) {', 'redriven.after >= 0) {']],
    caughtBy: [
      SUITE,
      'sqlite event queue: redrive',
      'a redriven event comes after older events and before later ones, leased 2 at a time',
    ],
  },
  {
    name: 'sqlite: a redriven event goes behind what came after its redrive',
    breaks: 'a redriven event takes its turn before what came later',
    edits: [[LINE, 'redriven?.after ?? this.#parts.log.head', 'this.#parts.log.head']],
    caughtBy: [
      SUITE,
      'sqlite event queue: redrive',
      'a redriven event comes after older events and before later ones, leased 100 at a time',
    ],
  },
  {
    name: 'sqlite: a dead letter has no copy of its event',
    breaks: 'a dead letter outlives its event in the log',
    edits: [[DEAD, '    this.#sql.copyEvent.run(position, subscription.id)\n', '']],
    caughtBy: [SUITE, 'sqlite event queue: dead letters', 'a dead letter has the detail of its last nack'],
  },
  {
    name: 'sqlite: two deaths share a number',
    breaks: 'a cursor of dead letters never skips nor repeats one',
    edits: [
      [
        'src/stores/sqlite/queue/subscription-table.ts',
        '    this.#lastDeath += howMany\n',
        '    this.#lastDeath += Number(howMany > 1)\n',
      ],
    ],
    caughtBy: [
      SUITE,
      'sqlite event queue: dead letters',
      'a page begins where the last one ended, whatever has died or gone meanwhile',
    ],
  },
  {
    name: 'event states: a page of ready events goes back to those given back meanwhile',
    breaks: 'pages of ready events show none twice',
    edits: [['src/stores/event-page.ts', 'else [rank, position] = [END, END]', '']],
    caughtBy: [
      SUITE,
      'sqlite event queue: events in a state',
      'a page begins where the last one ended, and shows no event a second time',
    ],
  },
  {
    name: 'event states: a held event counts as done',
    breaks: 'an event is done only once it was acknowledged or skipped',
    edits: [[STATES, 'FROM held WHERE fingerprint = ?2', 'FROM held WHERE fingerprint IS NULL']],
    caughtBy: [SUITE, 'sqlite event queue: the states of an event', 'a held event is still to come'],
  },
]
