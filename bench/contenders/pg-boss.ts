import type { PoolClient } from 'pg'
import { QUEUE, startBoss } from './pg-boss-queue.ts'
import { openPool, serve } from './transactional-service.ts'

/** The usual service on PostgreSQL, whose event is a job that pg-boss adds in the same transaction. */
const boss = await startBoss()

/** Lets pg-boss run its statements in the transaction of this client. */
const within = (client: PoolClient) => ({
  executeSql: (text: string, values?: unknown[]) => client.query(text, values as unknown[]),
})

await serve(await openPool(), {
  async publish(client, formulas) {
    const events = formulas.map(({ id, name, createdAt }) => ({ id, name, createdAt }))
    const [only] = events
    if (events.length === 1 && only !== undefined) await boss.send(QUEUE, only, { db: within(client) })
    else
      await boss.insert(
        QUEUE,
        events.map((data) => ({ data })),
        { db: within(client) },
      )
  },
  async count(pool) {
    const text = "SELECT count(*)::int AS count FROM pgboss.job WHERE name = $1 AND state < 'completed'"
    const { rows } = await pool.query(text, [QUEUE])
    return rows[0].count
  },
})
