import { isFingerprint } from '../../formula/identity.ts'
import { deliveryState, eventPage, type PageRow, pageStart } from '../event-page.ts'
import type { Delivery, EventQueue } from '../ports.ts'
import type { EventQueueOptions } from './event-queue.ts'

const EVENT = `pg_catalog.encode(fingerprint, 'hex') AS id, formula AS seq, at AS "createdAt", body`

/** $1 subscription, $2 state, $3 to $6 the start of the page, $7 limit. */
const PAGE = `
SELECT page.* FROM formula_intake.subscriptions AS own CROSS JOIN LATERAL (
  (SELECT 0 AS part, d.rank AS place, d.position AS turn,
    pg_catalog.encode(coalesce(d.fingerprint, e.fingerprint), 'hex') AS id, coalesce(d.formula, e.formula) AS seq,
    coalesce(d.at, e.at) AS "createdAt", coalesce(d.body, e.body) AS body, d.receives AS "receiveCount"
  FROM formula_intake.deliveries AS d LEFT JOIN formula_intake.events AS e ON e.position = d.position
  WHERE d.subscription = own.id AND d.state = $2 AND d.state <> ''
    AND (d.rank, d.position) > ($3::bigint, $4::bigint)
  ORDER BY d.rank, d.position LIMIT $7::integer)
  UNION ALL
  (SELECT 1, behind, rank, ${EVENT}, receives FROM formula_intake.deliveries
  WHERE subscription = own.id AND state = 'redriven' AND rank > $5::bigint ORDER BY rank LIMIT $7::integer)
  UNION ALL
  (SELECT 1, position, 0, ${EVENT}, 0 FROM formula_intake.events
  WHERE position > greatest(own.position, $6::bigint) AND fingerprint IS NOT NULL ORDER BY position LIMIT $7::integer)
) AS page WHERE own.name = $1 ORDER BY part, place, turn LIMIT $7::integer`

/** $1 sequence number, $2 fingerprint in hex. A trimmed event has a position only in copies, a held one is still to come. */
const DELIVERIES = `
WITH event AS MATERIALIZED (SELECT coalesce(
  (SELECT position FROM formula_intake.events WHERE formula = $1 AND fingerprint = pg_catalog.decode($2, 'hex')),
  (SELECT position FROM formula_intake.deliveries
    WHERE formula = $1 AND fingerprint = pg_catalog.decode($2, 'hex') LIMIT 1),
  (SELECT ${Number.MAX_SAFE_INTEGER} FROM formula_intake.held WHERE fingerprint = pg_catalog.decode($2, 'hex') LIMIT 1),
  0
) AS position)
SELECT own.name AS subscription,
  CASE
    WHEN d.state IS NULL THEN CASE WHEN event.position > own.position THEN 'ready' ELSE 'done' END
    WHEN d.state IN ('returned', 'redriven') THEN 'ready'
    ELSE d.state
  END AS state,
  CASE WHEN d.state IS NULL AND event.position > own.position THEN 0 ELSE d.receives END AS "receiveCount",
  CASE WHEN d.state IN ('leased', 'delayed') THEN d.rank END AS "dueAt", d.died_at AS "diedAt", d.reason, d.detail
FROM event CROSS JOIN formula_intake.subscriptions AS own
  LEFT JOIN formula_intake.deliveries AS d ON d.subscription = own.id AND d.position = event.position
ORDER BY own.name`

/** Shows in which state events are. */
export function eventStates({ database, time, maxReceives }: EventQueueOptions) {
  const moveDue = (subscription: string | null) => database.call('move_due', time(), subscription, maxReceives)
  return {
    async events(subscription, state, limit, after) {
      await moveDue(subscription)
      const start = pageStart(state, after)
      const values = [subscription, deliveryState(state), ...start, limit + 1]
      const rows = await database.read((query) => query(PAGE, values))
      return eventPage(state, limit, start, rows as unknown[] as PageRow[])
    },
    async deliveries(id, seq) {
      if (!isFingerprint(id)) return []
      await moveDue(null)
      const rows = await database.read((query) => query(DELIVERIES, [seq, id]))
      return rows as unknown[] as Delivery[]
    },
  } satisfies Partial<EventQueue>
}
