import Fastify, { type FastifySchemaCompiler } from 'fastify'
import pg from 'pg'
import errors from '../../plugins/errors.ts'
import json from '../../plugins/json.ts'
import sensible from '../../plugins/sensible.ts'
import { requireIdempotencyKey } from '../../routes/formulas/idempotency.ts'
import { sendOutcome } from '../../routes/formulas/outcome.ts'
import { submitFormulas } from '../../routes/formulas/schemas.ts'
import { type CheckedBody, checkSubmission } from '../../src/formula/validate.ts'
import type { Outcome, SubmissionRequest } from '../../src/submission/submission.ts'
import { type Publish, SCHEMA, type StoredFormula, storedFormula, submit } from './submit-in-transaction.ts'

/** How such a service publishes events, which is all in which they differ. */
export interface Events {
  publish: Publish
  /** How many wait, or are at a consumer. */
  count(pool: pg.Pool): Promise<number>
}

interface SubmitRequest {
  Body: CheckedBody
  Querystring: { onDuplicate?: 'reject' | 'skip' }
}

/** More connections than these gained nothing in any measurement on two cores. */
const CONNECTIONS = Number(process.env.BENCH_POOL ?? 20)
const HOUR_MS = 3_600_000

/** The pool of the service, with its tables made. */
export async function openPool(schema = ''): Promise<pg.Pool> {
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: CONNECTIONS })
  // Idle connections end when the server does; new ones are made then.
  pool.on('error', () => {})
  await pool.query(SCHEMA + schema)
  setInterval(() => {
    pool.query('DELETE FROM idempotency_keys WHERE expires_at < now()').catch(() => {})
  }, HOUR_MS).unref()
  return pool
}

/** Serves POST /formulas as the service does, with one transaction for each request, and what a benchmark asks for. */
export async function serve(pool: pg.Pool, { publish, count }: Events): Promise<void> {
  const app = Fastify({ bodyLimit: 1_048_576 })
  await app.register(sensible)
  await app.register(errors)
  await app.register(json)
  app.decorateRequest('idempotencyKey', '')
  app.decorateRequest('apiKey', null)
  const checkBySchema = app.validatorCompiler as FastifySchemaCompiler<unknown>
  const options = {
    schema: submitFormulas,
    config: { rawBody: true },
    onRequest: requireIdempotencyKey,
    validatorCompiler: ((part) =>
      part.httpPart === 'body' ? checkSubmission : checkBySchema?.(part)) as FastifySchemaCompiler<unknown>,
  }
  app.post<SubmitRequest>('/formulas', options, async ({ body, query, idempotencyKey: key }, reply) => {
    const submission = { ...body, caller: '', key, onDuplicate: query.onDuplicate ?? 'reject' }
    return sendOutcome(reply, await inTransaction(pool, submission, publish))
  })
  app.get('/formulas', ({ query }) => list(pool, query as { limit: string; cursor?: string }))
  app.get('/events/stats', async () => ({ ready: await count(pool) }))
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  // The benchmark reads from here that it listens, and where.
  process.stdout.write(`listening at ${address};\n`)
}

async function inTransaction(pool: pg.Pool, submission: SubmissionRequest, publish: Publish): Promise<Outcome> {
  const client = await pool.connect().catch(() => null)
  if (client === null) return { kind: 'failed' }
  try {
    await client.query('BEGIN')
    const outcome = await submit(client, submission, publish)
    await client.query('COMMIT')
    client.release()
    return outcome
  } catch {
    const isBroken = await client.query('ROLLBACK').then(
      () => false,
      () => true,
    )
    client.release(isBroken)
    return { kind: 'failed' }
  }
}

const LIST = `
  SELECT seq, id, name, materials, created_at FROM formulas
  WHERE seq < coalesce($1, 9223372036854775807) ORDER BY seq DESC LIMIT $2`

async function list(
  pool: pg.Pool,
  { limit, cursor }: { limit: string; cursor?: string },
): Promise<{ formulas: StoredFormula[]; nextCursor: string | null }> {
  const { rows } = await pool.query(LIST, [cursor ?? null, Number(limit)])
  return { formulas: rows.map(storedFormula), nextCursor: rows.length < Number(limit) ? null : rows.at(-1)?.seq }
}
