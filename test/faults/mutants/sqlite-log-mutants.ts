import type { Mutant } from './mutant.ts'

const LINE = 'src/stores/sqlite/queue/event-line.ts'
const LOG = 'src/stores/sqlite/queue/event-log.ts'
const DEAD = 'src/stores/sqlite/queue/dead-letters.ts'
const QUEUE = 'src/stores/sqlite/queue/queue-commands.ts'
const SUBSCRIPTIONS = 'src/stores/sqlite/queue/subscription-table.ts'
const SUITE = 'test/stores/sqlite.test.ts'
const RESTART = 'test/stores/restart.test.ts'
const SEEK = 'sqlite event queue: moves'
const TRIM = 'sqlite event queue: trimming'
const ERASE = 'sqlite event queue: erasing'

/** Bugs in the event log, and in how subscriptions read it. */
export const sqliteLogMutants: Mutant[] = [
  {
    name: 'sqlite: a position moves to the end of the log, not to the last event that was read',
    breaks: 'no event is skipped',
    edits: [[LINE, 'moveTo(subscription, end.position)', 'moveTo(subscription, this.#parts.log.head)']],
    caughtBy: [SUITE, 'sqlite event queue: order', 'first in, first out, and never more than was asked for'],
  },
  {
    name: 'sqlite: one subscription takes the events of the others',
    breaks: 'every subscription gets every event',
    edits: [
      [SUBSCRIPTIONS, '    row.position = position\n', '    for (const one of this.#rows) one.position = position\n'],
    ],
    caughtBy: [SUITE, 'sqlite event queue: readers', 'every subscription gets every event, in its own time'],
  },
  {
    name: 'sqlite: blank events count as ready',
    breaks: 'what is ready can be received',
    edits: [[LOG, ' - (this.#sql.blanksAfter.get(position)?.n as number)', '']],
    caughtBy: [SUITE, ERASE, 'an erased event that nobody has read is skipped, and no longer counted'],
  },
  {
    name: 'sqlite: blank events are handed out',
    breaks: 'an erased event is delivered to nobody',
    edits: [
      [LINE, 'if (event.fingerprint !== null) leased.push(', 'leased.push('],
      ['src/stores/sqlite/queue/leases.ts', 'Buffer.from(fingerprint as Uint8Array)', "Buffer.from(fingerprint ?? '')"],
    ],
    caughtBy: [SUITE, ERASE, 'an erased event that nobody has read is skipped, and no longer counted'],
  },
  {
    name: 'sqlite: an erased event stays leased',
    breaks: 'what is erased has no deliveries',
    edits: [[DEAD, '    if (position !== null) rows.push(...this.#sql.eraseAt.all(position))\n', '']],
    caughtBy: [SUITE, ERASE, 'erasing removes deliveries in any state at once, and their receipts are stale'],
  },
  {
    name: 'sqlite: an erased formula is still shown by a dead letter whose event was trimmed',
    breaks: 'what is erased is found nowhere',
    edits: [
      [DEAD, 'WHERE fingerprint = ? AND formula = ? RETURNING', 'WHERE fingerprint = ? AND formula = -? RETURNING'],
    ],
    caughtBy: [
      SUITE,
      'sqlite event queue: trimming of dead letters',
      'erasing removes a dead letter whose event was trimmed',
    ],
  },
  {
    name: 'sqlite: an erasure goes by the fingerprint alone',
    breaks: 'a formula that was stored anew keeps its event',
    edits: [[LOG, 'formula <> position) AND fingerprint', 'formula <> position OR ?1 > 0) AND fingerprint']],
    caughtBy: [SUITE, ERASE, 'erasing needs the id and sequence number of one event, and does nothing without a match'],
  },
  {
    name: 'sqlite: an erasure finds only events whose position is the number of their formula',
    breaks: 'an erased formula has no event',
    edits: [[LOG, ' OR formula = ?1 AND formula <> position', '']],
    caughtBy: [SUITE, ERASE, 'an event is found for erasure even if its position differs from its sequence number'],
  },
  {
    name: 'sqlite: a move keeps the leases that run',
    breaks: 'a receipt from before a move is stale',
    edits: [
      [SUBSCRIPTIONS, "subscription = ? AND state <> 'dead'`", "subscription = ? AND state NOT IN ('dead', 'leased')`"],
    ],
    caughtBy: [SUITE, SEEK, 'all that is leased, delayed, given back or redriven is dropped by a move to the end'],
  },
  {
    name: 'sqlite: a move drops the dead letters before its place',
    breaks: 'a dead letter stays until it is redriven or removed',
    edits: [[SUBSCRIPTIONS, "state = 'dead' AND position > ?", "state = 'dead' AND ? IS NOT NULL"]],
    caughtBy: [SUITE, SEEK, 'dead letters before the new place stay, those behind it are dropped'],
  },
  {
    name: 'sqlite: a move to a time takes the times for ascending',
    breaks: 'a time is the first event in the order of the log that is not older',
    edits: [
      [
        LOG,
        "SELECT position FROM events WHERE at >= ? ORDER BY position LIMIT 1'",
        "SELECT position + 1 AS position FROM events WHERE at < ? ORDER BY position DESC LIMIT 1'",
      ],
    ],
    caughtBy: [
      SUITE,
      'sqlite event queue: subscriptions',
      'a subscription from a time begins at the first event in the log that is not older',
    ],
  },
  {
    name: 'sqlite: a paused subscription delivers events',
    breaks: 'a pause stops deliveries',
    edits: [[QUEUE, 'if (subscription.paused === 1) return', 'if (subscription.paused > 1) return']],
    caughtBy: [SUITE, 'sqlite event queue: pauses', 'a paused subscription delivers nothing, and resumes where it was'],
  },
  {
    name: 'sqlite: trimming goes past what is leased',
    breaks: 'what is leased can come back',
    edits: [[LOG, 'AND deliveries.fingerprint IS NULL) AS wanted', 'AND deliveries.receives < 0) AS wanted']],
    caughtBy: [SUITE, TRIM, 'trimming stops at an event that is leased, delayed or returned'],
  },
  {
    name: 'sqlite: trimming goes past what a slow subscription has not read',
    breaks: 'no event is removed that is still to be read',
    edits: [[QUEUE, 'Math.min(...subscriptions.all', 'Math.max(...subscriptions.all']],
    caughtBy: [SUITE, TRIM, 'an event that one subscription has not read stays, however far the others are'],
  },
  {
    name: 'sqlite: trimming passes over what is too young',
    breaks: 'the log has no gaps',
    edits: [[LOG, '>= olderThan || wanted === 1) break', '>= olderThan || wanted === 1) continue']],
    caughtBy: [SUITE, TRIM, 'trimming stops at the first event that is too young, even if later ones are older'],
  },
  {
    name: 'sqlite: a log that was trimmed to its end begins anew',
    breaks: 'a position is given once',
    edits: [
      [
        LOG,
        '    this.#sql.keepHead.run(this.head)\n    return Number(this.#sql.removeFront.run(end).changes)',
        '    const trimmed = Number(this.#sql.removeFront.run(end).changes)\n    this.#head = null\n    return trimmed',
      ],
    ],
    caughtBy: [SUITE, ERASE, 'erased events are trimmed like others, once they were skipped'],
  },
  {
    name: 'sqlite: leases of a subscription that was removed are left',
    breaks: 'removing a subscription removes all that it had',
    edits: [[SUBSCRIPTIONS, '    this.#sql.removeDeliveries.run(row.id)\n', '']],
    caughtBy: [
      SUITE,
      'sqlite event queue: subscriptions that are removed',
      'removing a subscription removes its place, leases and dead letters',
    ],
  },
  {
    name: 'sqlite: the position of a subscription is kept in memory only',
    breaks: 'what was handed out and acknowledged does not come back after a restart',
    edits: [['src/stores/sqlite/commands.ts', 'queue.subscriptions.flush()', 'queue.subscriptions.all.at(0)']],
    caughtBy: [RESTART, 'sqlite: subscriptions keep their places and deliveries across a restart'],
  },
  {
    name: 'sqlite: the end of a log that was trimmed is forgotten with the process',
    breaks: 'a position is given once',
    edits: [[LOG, '    this.#sql.keepHead.run(this.head)\n', '']],
    caughtBy: [RESTART, 'sqlite: a log that was trimmed or erased to its end continues after it across a restart'],
  },
]
