import type { Test } from 'tap'
import { type PostgresServer, query } from './server.ts'

const TABLES = `
SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') AS names FROM pg_tables
WHERE schemaname = 'formula_intake' AND tablename NOT IN ('version', 'identity')`
const FORGET = `
UPDATE formula_intake.identity SET store_id = gen_random_uuid(), queue_id = NULL, queue_location = NULL`

/** Empty databases for many small tests: to make one takes ten times as long as to empty one. */
export class ReusedDatabases {
  readonly #server: PostgresServer
  readonly #free: string[] = []

  constructor(server: PostgresServer) {
    this.#server = server
  }

  /** @returns the URL of an empty database, the test's alone until it ends */
  async take(t: Test): Promise<string> {
    const url = this.#free.pop() ?? (await this.#server.createDatabase())
    t.teardown(() => void this.#free.push(url))
    const [tables] = await query<{ names: string | null }>(url, TABLES)
    if (tables?.names != null) await query(url, `TRUNCATE ${tables.names}; ${FORGET}`)
    return url
  }
}
