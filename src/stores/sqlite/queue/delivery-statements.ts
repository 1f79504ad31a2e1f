import type { DatabaseSync } from 'node:sqlite'
import { prepare } from '../prepare.ts'
import type { EventRow } from './event-statements.ts'

export interface SubscriptionRow {
  readonly id: number
  readonly name: string
  readonly created_at: number
  paused: number
  /** The last position handed out. */
  position: number
  leased: number
  delayed: number
  returned: number
  redriven: number
  dead: number
}

/** What a delivery can be. */
export type DeliveryState = 'leased' | 'delayed' | 'returned' | 'redriven' | 'dead'

export interface DeliveryRow extends EventRow {
  subscription: number
  state: DeliveryState
  rank: number
  receives: number
  /** Of one that is redriven: the head of the log at the time. */
  after: number
  /** What was said with its last nack. */
  detail: string | null
}

export interface DeadRow extends DeliveryRow {
  died_at: number
  reason: 'expired' | 'nacked'
}

/** Every statement on subscriptions. */
export const subscriptionStatements = (db: DatabaseSync) =>
  prepare(db, {
    all: 'SELECT * FROM subscriptions ORDER BY name',
    add: 'INSERT INTO subscriptions (name, created_at, position) VALUES (?, ?, ?)',
    save: `UPDATE subscriptions SET paused = ?, position = ?, leased = ?, delayed = ?, returned = ?, redriven = ?, dead = ?
     WHERE id = ?`,
    remove: 'DELETE FROM subscriptions WHERE id = ?',
    removeDeliveries: 'DELETE FROM deliveries WHERE subscription = ?',
    removeLiving: `DELETE FROM deliveries WHERE subscription = ? AND state <> 'dead'`,
    removeDeadBehind: `DELETE FROM deliveries WHERE subscription = ? AND state = 'dead' AND position > ?`,
    lastDeath: 'SELECT death FROM numbers',
    keepDeath: 'UPDATE numbers SET death = ?',
  })

/** One delivery, by its key. */
const ONE = 'WHERE position = ? AND subscription = ?'

/** Every statement on deliveries. Each reaches its rows by a key or an index, whatever the backlog. */
export const deliveryStatements = (db: DatabaseSync) =>
  prepare(db, {
    lease: `INSERT INTO deliveries (position, subscription, state, rank, receives, nonce) VALUES (?, ?, 'leased', ?, 1, ?)`,
    leaseAgain: `UPDATE deliveries SET state = 'leased', rank = ?, receives = receives + 1, nonce = ?, after = NULL ${ONE}`,
    leased: `SELECT receives FROM deliveries ${ONE} AND state = 'leased' AND nonce = ?`,
    extend: `UPDATE deliveries SET rank = ? ${ONE}`,
    remove: `DELETE FROM deliveries ${ONE}`,
    giveBack: `UPDATE deliveries SET state = 'returned', rank = position, nonce = NULL, detail = ? ${ONE}`,
    delay: `UPDATE deliveries SET state = 'delayed', rank = ?, nonce = NULL, detail = ? ${ONE}`,
    putBack: `UPDATE deliveries SET state = 'returned', rank = position, nonce = NULL, receives = receives - 1 ${ONE}`,
    // Looks through the leases of a subscription: an index would cost each of them more than an operator's rare call does.
    leasesOf: `SELECT deliveries.position FROM deliveries LEFT JOIN events ON events.position = deliveries.position
     WHERE subscription = ? AND state = 'leased'
       AND ifnull(deliveries.fingerprint, events.fingerprint) IN (SELECT unhex(value) FROM json_each(?))`,

    firstRank: 'SELECT min(rank) AS rank FROM deliveries WHERE subscription = ? AND state = ?',
    exhausted: `SELECT position, rank, detail FROM deliveries WHERE subscription = ? AND state = 'leased' AND rank <= ? AND receives >= ?
     ORDER BY rank, position`,
    returnDue: `UPDATE deliveries SET state = 'returned', rank = position, nonce = NULL
     WHERE subscription = ? AND state = ? AND rank <= ?`,
    waiting: `SELECT deliveries.position, subscription, state, rank, receives, after,
       ifnull(deliveries.fingerprint, events.fingerprint) AS fingerprint,
       ifnull(deliveries.formula, events.formula) AS formula,
       ifnull(deliveries.at, events.at) AS at, ifnull(deliveries.body, events.body) AS body
     FROM deliveries LEFT JOIN events ON events.position = deliveries.position
     WHERE subscription = ? AND state = ? ORDER BY rank LIMIT ?`,
  })

/** Every statement on dead letters. */
export const deadStatements = (db: DatabaseSync) =>
  prepare(db, {
    copyEvent: `UPDATE deliveries SET (fingerprint, formula, at, body) =
       (SELECT fingerprint, formula, at, body FROM events WHERE events.position = deliveries.position)
     ${ONE} AND fingerprint IS NULL`,
    bury: `UPDATE deliveries SET state = 'dead', rank = ?, died_at = ?, reason = ?, detail = ?, nonce = NULL ${ONE}`,
    page: `SELECT * FROM deliveries WHERE subscription = ? AND state = 'dead' AND rank < ? ORDER BY rank DESC LIMIT ?`,
    byFingerprint: `SELECT position, rank FROM deliveries WHERE fingerprint = ? AND subscription = ? AND state = 'dead'`,
    redrive: `UPDATE deliveries SET state = 'redriven', rank = ?, receives = 0, after = ?, died_at = NULL, reason = NULL,
       detail = NULL ${ONE}`,
    redriveAll: `UPDATE deliveries SET state = 'redriven', rank = ? + line.number, receives = 0, after = ?, died_at = NULL,
       reason = NULL, detail = NULL
     FROM (SELECT position, row_number() OVER (ORDER BY rank) AS number FROM deliveries
       WHERE subscription = ? AND state = 'dead') AS line
     WHERE deliveries.position = line.position AND subscription = ?`,
    remove: `DELETE FROM deliveries WHERE fingerprint = ? AND subscription = ? AND state = 'dead'`,
    eraseAt: 'DELETE FROM deliveries WHERE position = ? RETURNING subscription, state',
    eraseCopies: 'DELETE FROM deliveries WHERE fingerprint = ? AND formula = ? RETURNING subscription, state',
  })
