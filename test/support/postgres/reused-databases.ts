import type { Test } from 'tap'
import { type PostgresServer, query } from './server.ts'

/** Empties a database, whether or not it has our tables. Without TRUNCATE, which makes new files for every table and index, and takes longer for a few rows. */
export const EMPTY = `
DO $$
DECLARE tables name[] := ARRAY(SELECT tablename FROM pg_tables WHERE schemaname = 'formula_intake');
DECLARE emptied name;
BEGIN
  FOREACH emptied IN ARRAY tables LOOP
    CONTINUE WHEN emptied IN ('layout_version', 'identity', 'log', 'subscriptions');
    EXECUTE format('DELETE FROM formula_intake.%I', emptied);
  END LOOP;
  IF 'identity' = ANY (tables) THEN
    UPDATE formula_intake.identity SET store_id = gen_random_uuid(), queue_id = NULL, queue_location = NULL;
    UPDATE formula_intake.log SET head = 0;
    DELETE FROM formula_intake.subscriptions WHERE name <> 'default';
    UPDATE formula_intake.subscriptions SET paused = false, position = 0, due_after = -1;
    PERFORM setval('formula_intake.acceptance', 1, false), setval('formula_intake.deaths', 1, false);
  END IF;
END $$`

/** Empty databases for many small tests: to make one takes ten times as long as to empty one. */
export class ReusedDatabases {
  readonly #server: Pick<PostgresServer, 'createDatabase'>
  readonly #free: string[] = []

  constructor(server: Pick<PostgresServer, 'createDatabase'>) {
    this.#server = server
  }

  /** @returns the URL of an empty database, the test's alone until it ends */
  async take(t: Test): Promise<string> {
    const url = this.#free.pop() ?? (await this.#server.createDatabase())
    t.teardown(() => void this.#free.push(url))
    await query(url, EMPTY)
    return url
  }
}
