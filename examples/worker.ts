/**
 * Prints a label for each new formula, exactly once, into a small database. Start as many as you like:
 *
 *   node examples/worker.ts labels.db
 *
 * Reads SERVICE_URL, API_KEY, SUBSCRIPTION and LEASE_SECONDS from the environment. Workers of one subscription share its
 * events and a database. On SIGTERM a worker finishes the events that it has begun and exits with 0.
 */
import { DatabaseSync } from 'node:sqlite'
// In a project of your own: from 'fragrance-formula-intake-client'.
import { IntakeClient, type ReceivedEvent } from '../client/src/client.ts'

/** Opens the database. @returns what handles an event */
export function openLabels(file: string): (event: ReceivedEvent) => void {
  const database = new DatabaseSync(file, { timeout: 10_000 })
  database.exec(`CREATE TABLE IF NOT EXISTS labels (number INTEGER PRIMARY KEY, text TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS handled (event_id TEXT, created_at TEXT, PRIMARY KEY (event_id, created_at)) WITHOUT ROWID`)
  const remember = database.prepare('INSERT INTO handled VALUES (?, ?) ON CONFLICT DO NOTHING')
  const print = database.prepare('INSERT INTO labels (text) VALUES (?)')
  return ({ id, createdAt, name }) => {
    // An event can come again, after a crash before its ack for instance. That it is handled commits together with the
    // effect, or neither does, so the effect happens once. A check before the transaction would let two workers do it
    // twice. The id alone is not enough: a formula that was erased and accepted again has the same id.
    database.exec('BEGIN IMMEDIATE')
    try {
      if (remember.run(id, createdAt).changes === 1) print.run(name)
      database.exec('COMMIT')
    } catch (error) {
      database.exec('ROLLBACK')
      throw error
    }
  }
}

if (import.meta.main) {
  const { SERVICE_URL: url = 'http://127.0.0.1:3000', API_KEY: apiKey } = process.env
  const { SUBSCRIPTION: subscription = 'default', LEASE_SECONDS = '30' } = process.env
  const print = openLabels(process.argv[2] ?? 'labels.db')
  const consumer = new IntakeClient({ url, apiKey }).consume(print, {
    subscription,
    leaseSeconds: Number(LEASE_SECONDS),
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => consumer.stop())
  await consumer.done
}
