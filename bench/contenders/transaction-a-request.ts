import { prepared } from './submit-in-transaction.ts'
import { openPool, serve } from './transactional-service.ts'

/** The usual service on PostgreSQL: formula, event and answer in a transaction of their own for each request. */
const EVENTS = `
  CREATE TABLE IF NOT EXISTS events (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL,
    name text NOT NULL,
    created_at timestamptz NOT NULL,
    leased_until timestamptz
  );
`
const addEvents = prepared(
  'add-events',
  `INSERT INTO events (id, name, created_at)
   SELECT id, name, created_at FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS e (id, name, created_at)`,
)

await serve(await openPool(EVENTS), {
  async publish(client, formulas) {
    await addEvents(
      client,
      formulas.map(({ id }) => id),
      formulas.map(({ name }) => name),
      formulas.map(({ createdAt }) => createdAt),
    )
  },
  async count(pool) {
    const { rows } = await pool.query('SELECT count(*)::int AS count FROM events')
    return rows[0].count
  },
})
