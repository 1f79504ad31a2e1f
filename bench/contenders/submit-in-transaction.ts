import type { PoolClient } from 'pg'
import { type Formula, writeDocument } from '../../src/formula/formula.ts'
import type { Answer } from '../../src/stores/ports.ts'
import { type Outcome, payloadHash, type SubmissionRequest } from '../../src/submission/submission.ts'

// What one would write first on PostgreSQL: a transaction for each request, a statement for each step.

/** A formula with the time of its acceptance. */
export interface StoredFormula extends Formula {
  createdAt: string
}

/** Publishes the events of new formulas, in the transaction that the client is in. */
export type Publish = (client: PoolClient, formulas: StoredFormula[]) => Promise<void>

export const SCHEMA = `
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
`

/** Waits for another transaction that has the same key and is not finished. */
const claimKey = prepared(
  'claim-key',
  'INSERT INTO idempotency_keys (key, payload) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING',
)
const findAnswer = prepared('find-answer', 'SELECT payload, answer FROM idempotency_keys WHERE key = $1')
const keepAnswer = prepared('keep-answer', 'UPDATE idempotency_keys SET answer = $2 WHERE key = $1')
/** In the order of ids, so that two lists cannot wait for each other. */
const addFormulas = prepared(
  'add-formulas',
  `INSERT INTO formulas (id, name, materials, created_at)
   SELECT id, name, materials, $4 FROM unnest($1::text[], $2::text[], $3::jsonb[]) AS f (id, name, materials)
   ORDER BY id ON CONFLICT (id) DO NOTHING RETURNING id`,
)
const findFormulas = prepared(
  'find-formulas',
  'SELECT id, name, materials, created_at FROM formulas WHERE id = ANY($1)',
)
const removeFormulas = prepared('remove-formulas', 'DELETE FROM formulas WHERE id = ANY($1)')

/** A statement that each connection prepares once. */
export function prepared(name: string, text: string) {
  return (client: PoolClient, ...values: unknown[]) => client.query({ name, text, values })
}

/** Everything between BEGIN and COMMIT. */
export async function submit(client: PoolClient, submission: SubmissionRequest, publish: Publish): Promise<Outcome> {
  const { key } = submission
  const payload = payloadHash(submission)
  const claimed = await claimKey(client, key, payload)
  if (claimed.rowCount === 0) return replay(client, key, payload)
  const answer = await add(client, submission, publish)
  await keepAnswer(client, key, JSON.stringify(answer))
  return { kind: 'answered', answer, replayed: false }
}

async function replay(client: PoolClient, key: string, payload: string): Promise<Outcome> {
  const { rows } = await findAnswer(client, key)
  if (rows[0]?.payload !== payload) return { kind: 'reused' }
  return { kind: 'answered', answer: rows[0].answer, replayed: true }
}

async function add(client: PoolClient, submission: SubmissionRequest, publish: Publish): Promise<Answer> {
  const { onDuplicate, single, formulas } = submission
  const createdAt = new Date().toISOString()
  const distinct = new Map<string, StoredFormula>()
  for (const formula of formulas) if (!distinct.has(formula.id)) distinct.set(formula.id, { ...formula, createdAt })
  const isNew = await insert(client, [...distinct.values()], createdAt)
  const firsts = new Set(isNew)
  const outcomes = formulas.map(({ id }) => (firsts.delete(id) ? ('added' as const) : ('duplicate' as const)))
  if (onDuplicate === 'reject' && outcomes.includes('duplicate')) {
    if (isNew.size > 0) await removeFormulas(client, [...isNew])
    const paths = formulas.map(({ id }, index) => ({ path: single ? '' : `/${index}`, id }))
    return { status: 409, duplicates: paths.filter((_, index) => outcomes[index] === 'duplicate') }
  }
  const known = await find(client, formulas, isNew)
  const added = [...distinct.values()].filter(({ id }) => isNew.has(id))
  if (added.length > 0) await publish(client, added)
  const entries = formulas.map(({ id }, index) => {
    const stored = (known.get(id) ?? distinct.get(id)) as StoredFormula
    return { id, outcome: outcomes[index] as 'added', document: writeDocument(stored, stored.createdAt) }
  })
  return { status: 200, single, entries }
}

/** @returns the ids of those that were not there */
async function insert(client: PoolClient, formulas: Formula[], createdAt: string): Promise<Set<string>> {
  const materials = formulas.map((formula) => JSON.stringify(formula.materials))
  const columns = [formulas.map(({ id }) => id), formulas.map(({ name }) => name), materials]
  const { rows } = await addFormulas(client, ...columns, createdAt)
  return new Set(rows.map(({ id }) => id))
}

/** The stored formulas that were there before, by their ids. */
async function find(client: PoolClient, formulas: Formula[], isNew: Set<string>): Promise<Map<string, StoredFormula>> {
  const ids = formulas.map(({ id }) => id).filter((id) => !isNew.has(id))
  if (ids.length === 0) return new Map()
  const { rows } = await findFormulas(client, ids)
  return new Map(rows.map((row) => [row.id, storedFormula(row)]))
}

/** A row of the table as a formula. */
export function storedFormula(row: Omit<StoredFormula, 'createdAt'> & { created_at: Date }): StoredFormula {
  const { id, name, materials, created_at } = row
  return { id, name, materials, createdAt: created_at.toISOString() }
}
