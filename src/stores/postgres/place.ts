import pg from 'pg'

/**
 * Where a PostgreSQL URL leads, without who goes there: `postgres://host:port/database`. What the URL leaves out comes
 * from PGHOST, PGPORT and PGDATABASE as usual.
 * @throws {Error} when it is no URL of PostgreSQL
 */
export function placeOf(url: string): string {
  const { host, port, database } = new pg.Client({ connectionString: url })
  return `postgres://${host.toLowerCase()}:${port}/${database ?? ''}`
}
