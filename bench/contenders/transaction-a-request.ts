import Fastify from 'fastify'
import pg from 'pg'
import { PgBoss } from 'pg-boss'
import errors from '../../plugins/errors.ts'
import json from '../../plugins/json.ts'
import sensible from '../../plugins/sensible.ts'
import { sendOutcome } from '../../routes/formulas/answer.ts'
import { requireIdempotencyKey } from '../../routes/formulas/index.ts'
import { submitFormulas } from '../../routes/formulas/schemas.ts'
import { type Formula, writeDocument } from '../../src/formula/formula.ts'
import { type CheckedBody, checkSubmission } from '../../src/formula/validate.ts'
import type { Answer } from '../../src/stores/ports.ts'
import { type Outcome, payloadHash } from '../../src/submission/submission.ts'

// The obvious implementation on PostgreSQL: one transaction per request, one statement per step. Its events are rows,
// or with BENCH_EVENTS=pg-boss jobs. Checks, answers and promises of a submission are those of the service, except for
// `onDuplicate=skip`.

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS idempotency_keys (
    key text PRIMARY KEY,
    payload text NOT NULL,
    answer json,
    expires_at timestamptz NOT NULL DEFAULT now() + interval '24 hours'
  );
  CREATE TABLE IF NOT EXISTS formulas (
    id text PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    name text NOT NULL,
    materials jsonb NOT NULL,
    created_at timestamptz NOT NULL
  );
  CREATE TABLE IF NOT EXISTS events (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL,
    name text NOT NULL,
    created_at timestamptz NOT NULL,
    leased_until timestamptz
  );`

const STATEMENTS = {
  // Waits for an unfinished transaction with the same key.
  claimKey: 'INSERT INTO idempotency_keys (key, payload) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING',
  findAnswer: 'SELECT payload, answer FROM idempotency_keys WHERE key = $1',
  keepAnswer: 'UPDATE idempotency_keys SET answer = $2 WHERE key = $1',
  // In the order of ids, so that two lists cannot deadlock.
  addFormulas: `
    INSERT INTO formulas (id, name, materials, created_at)
    SELECT id, name, materials, $4 FROM unnest($1::text[], $2::text[], $3::jsonb[]) AS f (id, name, materials)
    ORDER BY id ON CONFLICT (id) DO NOTHING RETURNING id`,
  removeFormulas: 'DELETE FROM formulas WHERE id = ANY($1)',
  addEvents: `
    INSERT INTO events (id, name, created_at)
    SELECT id, name, $3 FROM unnest($1::text[], $2::text[]) AS e (id, name)`,
  listFormulas: `
    SELECT seq, id, name, materials, created_at AS "createdAt" FROM formulas
    WHERE seq < coalesce($1, 9223372036854775807) ORDER BY seq DESC LIMIT $2`,
  countEvents: 'SELECT count(*)::int AS ready FROM events',
  countJobs: "SELECT count(*)::int AS ready FROM pgboss.job WHERE name = 'formula-created' AND state < 'completed'",
}

const connectionString = process.env.DATABASE_URL as string
/** More connections gained nothing on two cores. */
const pool = new pg.Pool({ connectionString, max: 20 })
// Idle connections fail when the server restarts; the pool replaces them.
pool.on('error', () => {})
await pool.query(SCHEMA)
const boss = process.env.BENCH_EVENTS === 'pg-boss' ? await startBoss() : undefined

/** Leases and retries are those that our queue has by default. */
async function startBoss(): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString, max: 10 })
  boss.on('error', (error) => process.stderr.write(`${error}\n`))
  await boss.start()
  await boss.createQueue('formula-created', { expireInSeconds: 30, retryLimit: 4 })
  return boss
}

/** Runs a statement, which each connection prepares once. */
async function run(client: pg.PoolClient | pg.Pool, name: keyof typeof STATEMENTS, ...values: unknown[]) {
  return client.query({ name, text: STATEMENTS[name], values })
}

async function submit(client: pg.PoolClient, key: string, { formulas, single }: CheckedBody): Promise<Outcome> {
  const payload = payloadHash({ onDuplicate: 'reject', formulas })
  const claimed = await run(client, 'claimKey', key, payload)
  if (claimed.rowCount === 0) {
    const { rows } = await run(client, 'findAnswer', key)
    if (rows[0]?.payload !== payload) return { kind: 'reused' }
    return { kind: 'answered', answer: rows[0].answer, replayed: true }
  }
  const answer = await add(client, formulas, single)
  await run(client, 'keepAnswer', key, JSON.stringify(answer))
  return { kind: 'answered', answer, replayed: false }
}

async function add(client: pg.PoolClient, formulas: Formula[], single: boolean): Promise<Answer> {
  const createdAt = new Date().toISOString()
  const [ids, names] = [formulas.map(({ id }) => id), formulas.map(({ name }) => name)]
  const materials = formulas.map((formula) => JSON.stringify(formula.materials))
  const { rows } = await run(client, 'addFormulas', ids, names, materials, createdAt)
  const added = new Set(rows.map(({ id }) => id))
  if (added.size < formulas.length) {
    await run(client, 'removeFormulas', [...added])
    const paths = ids.map((id, index) => ({ path: single ? '' : `/${index}`, id }))
    return { status: 409, duplicates: paths.filter(({ id }) => !added.delete(id)) }
  }
  if (boss === undefined) await run(client, 'addEvents', ids, names, createdAt)
  else await addJobs(boss, client, formulas, createdAt)
  const entries = formulas.map((formula) => {
    return { id: formula.id, outcome: 'added' as const, document: writeDocument(formula, { createdAt }) }
  })
  return { status: 200, single, entries }
}

async function addJobs(boss: PgBoss, client: pg.PoolClient, formulas: Formula[], createdAt: string): Promise<void> {
  const db = { executeSql: (text: string, values?: unknown[]) => client.query(text, values) }
  const jobs = formulas.map(({ id, name }) => ({ data: { id, name, createdAt } }))
  const [only] = jobs
  if (jobs.length === 1 && only !== undefined) await boss.send('formula-created', only.data, { db })
  else await boss.insert('formula-created', jobs, { db })
}

async function inTransaction(work: (client: pg.PoolClient) => Promise<Outcome>): Promise<Outcome> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const outcome = await work(client)
    await client.query('COMMIT')
    client.release()
    return outcome
  } catch {
    await client.query('ROLLBACK').then(
      () => client.release(),
      () => client.release(true),
    )
    return { kind: 'failed' }
  }
}

const app = Fastify({ bodyLimit: 1_048_576 })
await app.register(sensible)
await app.register(errors)
await app.register(json)
app.decorateRequest('idempotencyKey', '')
app.decorateRequest('apiKey', null)

const options = {
  schema: { body: submitFormulas.body },
  config: { rawBody: true },
  onRequest: requireIdempotencyKey,
  validatorCompiler: () => checkSubmission,
}
app.post<{ Body: CheckedBody }>('/formulas', options, async ({ body, idempotencyKey }, reply) =>
  sendOutcome(reply, await inTransaction((client) => submit(client, idempotencyKey, body))),
)

app.get<{ Querystring: { limit: string; cursor?: string } }>('/formulas', async ({ query: { limit, cursor } }) => {
  const { rows } = await run(pool, 'listFormulas', cursor ?? null, Number(limit))
  return { formulas: rows, nextCursor: rows.length < Number(limit) ? null : rows.at(-1)?.seq }
})

app.get('/events/stats', async () => (await run(pool, boss ? 'countJobs' : 'countEvents')).rows[0])

const address = await app.listen({ host: '127.0.0.1', port: 0 })
// The benchmark reads the address from this line.
process.stdout.write(`listening at ${address};\n`)
