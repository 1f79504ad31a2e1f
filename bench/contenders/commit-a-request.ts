import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import Fastify from 'fastify'
import type { Formula } from '../../src/formula/formula.ts'
import { validateSubmission } from '../../src/formula/validate.ts'
import { payloadHash } from '../../src/submission/submission.ts'

/**
 * What one would write first: the same checks, answers and promises for POST /formulas, with one synced transaction for
 * each request on the event loop. Names are not searchable, and its events cannot be consumed.
 */
const db = new DatabaseSync(join(process.env.BENCH_DIRECTORY ?? mkdtempSync('/tmp/bench-'), 'formulas.db'))
db.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS formulas (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, materials TEXT NOT NULL, createdAt TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL, name TEXT NOT NULL, createdAt TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS keys (
    key TEXT PRIMARY KEY, payload TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL, expiresAt INTEGER NOT NULL
  );
`)
const findKey = db.prepare('SELECT payload, status, body FROM keys WHERE key = ?')
const findFormula = db.prepare('SELECT 1 FROM formulas WHERE id = ?')
const addFormula = db.prepare('INSERT INTO formulas (id, name, materials, createdAt) VALUES (?, ?, ?, ?)')
const addEvent = db.prepare('INSERT INTO events (id, name, createdAt) VALUES (?, ?, ?)')
const addKey = db.prepare('INSERT INTO keys VALUES (?, ?, ?, ?, ?)')
const listFormulas = db.prepare('SELECT * FROM formulas WHERE seq < ? ORDER BY seq DESC LIMIT ?')
const countEvents = db.prepare('SELECT count(*) AS ready FROM events')

const DAY_MS = 86_400_000

interface IndexBuffer {
  payload: string
  status: number
  body: string
}

function submit(key: string, formulas: Formula[]): IndexBuffer {
  const payload = payloadHash({ onDuplicate: 'reject', formulas })
  const known = findKey.get(key) as IndexBuffer | undefined
  if (known !== undefined) return known.payload === payload ? known : { payload, status: 422, body: '{}' }
  const createdAt = new Date().toISOString()
  const isKnown = formulas.some(({ id }) => findFormula.get(id) !== undefined)
  const stored = formulas.map((formula) => ({ ...formula, createdAt }))
  const body = isKnown ? { code: 'FORMULA_EXISTS' } : { message: 'Formula(s) added!', formulas: stored }
  const kept = { payload, status: isKnown ? 409 : 200, body: JSON.stringify(body) }
  addKey.run(key, payload, kept.status, kept.body, Date.now() + DAY_MS)
  if (isKnown) return kept
  for (const { id, name, materials } of formulas) {
    addFormula.run(id, name, JSON.stringify(materials), createdAt)
    addEvent.run(id, name, createdAt)
  }
  return kept
}

const app = Fastify()

app.post('/formulas', async ({ headers, body }, reply) => {
  const validation = validateSubmission(body)
  if (!validation.valid) return reply.code(400).send(validation)
  db.exec('BEGIN IMMEDIATE')
  try {
    const kept = submit(String(headers['idempotency-key']), validation.formulas)
    db.exec('COMMIT')
    return reply.code(kept.status).type('application/json').send(kept.body)
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
})

app.get('/formulas', async ({ query }) => {
  const { limit, cursor } = query as { limit: string; cursor?: string }
  const formulas = listFormulas.all(Number(cursor ?? Number.MAX_SAFE_INTEGER), Number(limit))
  return { formulas, nextCursor: formulas.length < Number(limit) ? null : `${formulas.at(-1)?.seq}` }
})

app.get('/events/stats', async () => countEvents.get())

const address = await app.listen({ host: '127.0.0.1', port: 0 })
// The benchmark reads from here that it listens, and where.
process.stdout.write(`listening at ${address};\n`)
