import type { DatabaseSync } from 'node:sqlite'

export interface ReadyRow {
  position: number
  id: Uint8Array
  name: string
  created_at: number
  receives: number
  traceparent: string | null
}

export interface DeadRow extends Omit<ReadyRow, 'position'> {
  seq: number
  died_at: number
  reason: string
}

export interface LeaseRow extends ReadyRow {
  lease: number
  nonce: string
  leased_until: number
}

export interface Counters {
  next_position: number
  ready: number
  leased: number
  delayed: number
  dead: number
}

/** Every statement of the event queue. Each reaches its rows by a key or an index, whatever the backlog. */
export function eventStatements(db: DatabaseSync) {
  const counters = db.prepare('SELECT * FROM counters')
  return {
    loadCounters: (): Counters => ({ ...(counters.get() as unknown as Counters) }),
    saveCounters: db.prepare('UPDATE counters SET next_position = ?, ready = ?, leased = ?, delayed = ?, dead = ?'),

    addReady: db.prepare('INSERT INTO ready VALUES (?, ?, ?, ?, ?, ?)'),
    front: db.prepare('SELECT * FROM ready ORDER BY position LIMIT ?'),
    removeFront: db.prepare('DELETE FROM ready WHERE position <= ?'),

    addLease: db.prepare(
      `INSERT INTO leased (nonce, leased_until, position, id, name, created_at, receives, traceparent)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    lease: db.prepare('SELECT * FROM leased WHERE lease = ? AND nonce = ?'),
    extendLease: db.prepare('UPDATE leased SET leased_until = ? WHERE lease = ?'),
    removeLease: db.prepare('DELETE FROM leased WHERE lease = ?'),
    // Looks through the leases: an index would cost each of them more than an operator's rare call does.
    takeLeases: db.prepare('DELETE FROM leased WHERE id IN (SELECT unhex(value) FROM json_each(?)) RETURNING *'),
    nextLeaseEnd: db.prepare('SELECT min(leased_until) AS at FROM leased'),
    buryExpired: db.prepare(
      `INSERT INTO dead
       SELECT ? + row_number() OVER (ORDER BY leased_until, position) - 1,
         id, name, created_at, receives, leased_until, 'expired', traceparent
       FROM leased WHERE leased_until <= ? AND receives >= ?`,
    ),
    returnExpired: db.prepare(
      `INSERT INTO ready SELECT position, id, name, created_at, receives, traceparent FROM leased
       WHERE leased_until <= ? AND receives < ?`,
    ),
    removeExpired: db.prepare('DELETE FROM leased WHERE leased_until <= ?'),

    addDelayed: db.prepare('INSERT INTO delayed VALUES (?, ?, ?, ?, ?, ?, ?)'),
    nextDelayEnd: db.prepare('SELECT min(due) AS at FROM delayed'),
    returnDelayed: db.prepare(
      'INSERT INTO ready SELECT position, id, name, created_at, receives, traceparent FROM delayed WHERE due <= ?',
    ),
    removeDelayed: db.prepare('DELETE FROM delayed WHERE due <= ?'),

    bury: db.prepare('INSERT INTO dead VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
    dead: db.prepare('SELECT * FROM dead WHERE seq < ? ORDER BY seq DESC LIMIT ?'),
    deadById: db.prepare('SELECT * FROM dead WHERE id = ?'),
    redriveAll: db.prepare(
      `INSERT INTO ready SELECT ? + row_number() OVER (ORDER BY seq) - 1, id, name, created_at, 0, traceparent
       FROM dead`,
    ),
    removeAllDead: db.prepare('DELETE FROM dead'),
    removeDead: db.prepare('DELETE FROM dead WHERE seq = ?'),
    removeDeadById: db.prepare('DELETE FROM dead WHERE id = ?'),

    addHeld: db.prepare('INSERT INTO held VALUES (?, ?, ?, ?, ?, ?)'),
    held: db.prepare(
      'SELECT id, name, created_at AS createdAt, traceparent FROM held WHERE attempt = ? ORDER BY ordinal',
    ),
    removeHeld: db.prepare('DELETE FROM held WHERE attempt = ?'),
    mark: db.prepare('SELECT state FROM marks WHERE attempt = ?'),
    setMark: db.prepare('INSERT OR REPLACE INTO marks VALUES (?, ?, ?)'),
    sweepMarks: db.prepare(
      `DELETE FROM marks WHERE attempt IN
       (SELECT attempt FROM marks WHERE state <> 'held' AND at < ? ORDER BY at LIMIT ?)`,
    ),
  }
}
