import type { DatabaseSync } from 'node:sqlite'
import { isFingerprint } from '../../../formula/identity.ts'
import { deliveryState, eventPage, type PageRow, pageStart } from '../../event-page.ts'
import type { Delivery, EventPage, EventState } from '../../ports.ts'
import { prepare } from '../statements.ts'
import { OF_FORMULA } from './event-log.ts'
import type { Queue } from './queue-commands.ts'

const EVENT = 'lower(hex(fingerprint)) AS id, formula AS seq, at AS createdAt, body'

/** Each statement finds its rows by a key or an index, except `deliveries`, which scans held events, usually none. */
export const stateStatements = (db: DatabaseSync) =>
  prepare(db, {
    /** ?1 subscription, ?2 state, ?3 to ?6 the start of the page, ?7 limit. */
    page: `SELECT * FROM (
       SELECT 0 AS part, rank AS place, deliveries.position AS turn,
         lower(hex(ifnull(deliveries.fingerprint, events.fingerprint))) AS id,
         ifnull(deliveries.formula, events.formula) AS seq, ifnull(deliveries.at, events.at) AS createdAt,
         ifnull(deliveries.body, events.body) AS body, receives AS receiveCount
       FROM deliveries LEFT JOIN events ON events.position = deliveries.position
       WHERE subscription = ?1 AND state = ?2 AND (rank, deliveries.position) > (?3, ?4)
       ORDER BY rank, deliveries.position LIMIT ?7
     ) UNION ALL SELECT * FROM (
       SELECT 1, after, rank, ${EVENT}, receives FROM deliveries
       WHERE subscription = ?1 AND state = 'redriven' AND rank > ?5 ORDER BY rank LIMIT ?7
     ) UNION ALL SELECT * FROM (
       SELECT 1, position, 0, ${EVENT}, 0 FROM events
       WHERE position > ?6 AND fingerprint IS NOT NULL ORDER BY position LIMIT ?7
     ) ORDER BY part, place, turn LIMIT ?7`,
    /** ?1 sequence number, ?2 fingerprint. A trimmed event has a position only in copies, a held one is still to come. */
    deliveries: `WITH event AS MATERIALIZED (SELECT coalesce(
         (SELECT position FROM events WHERE ${OF_FORMULA}),
         (SELECT position FROM deliveries WHERE fingerprint = ?2 AND formula = ?1),
         (SELECT ${Number.MAX_SAFE_INTEGER} FROM held WHERE fingerprint = ?2),
         0
       ) AS position)
     SELECT name AS subscription,
       CASE
         WHEN state IS NULL THEN iif(event.position > own.position, 'ready', 'done')
         WHEN state IN ('returned', 'redriven') THEN 'ready'
         ELSE state
       END AS state,
       iif(state IS NULL AND event.position > own.position, 0, receives) AS receiveCount,
       iif(state IN ('leased', 'delayed'), rank, NULL) AS dueAt, died_at AS diedAt, reason, detail
     FROM event CROSS JOIN subscriptions AS own
       LEFT JOIN deliveries ON deliveries.position = event.position AND subscription = own.id
     ORDER BY name`,
  })

/** The commands that show in which state events are. */
export function stateCommands(db: DatabaseSync, { subscriptions, line, upToDate }: Queue) {
  const sql = stateStatements(db)
  return {
    events(now: number, name: string, state: EventState, limit: number, after?: EventPage['next']): EventPage {
      const { id, position } = upToDate(now, name)
      const start = pageStart(state, after)
      const [rank, ofRank, redriven, logged] = start
      const values = [id, deliveryState(state), rank, ofRank, redriven, Math.max(logged, position), limit + 1]
      return eventPage(state, limit, start, sql.page.all(...values) as unknown as PageRow[])
    },
    deliveries(now: number, id: string, seq: number): Delivery[] {
      if (!isFingerprint(id)) return []
      for (const subscription of subscriptions.all) line.moveDue(now, subscription)
      // The statement reads positions from the table.
      subscriptions.flush()
      return sql.deliveries.all(seq, Buffer.from(id, 'hex')) as unknown as Delivery[]
    },
  }
}
