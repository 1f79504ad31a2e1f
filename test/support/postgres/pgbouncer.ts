import type { Test } from 'tap'
import { freePort } from './cluster.ts'
import { startProxy } from './proxy-process.ts'
import { query } from './server.ts'

export const PGBOUNCER = '/usr/sbin/pgbouncer'

/**
 * Starts PgBouncer in transaction mode, with its defaults otherwise.
 * @param url of a database; every database of its server can be reached, as its user
 * @param connections to the server, for each database
 * @returns the URL of the database through PgBouncer
 */
export async function startPgBouncer(t: Test, url: string, connections = 2): Promise<string> {
  const { hostname, port, username, password } = new URL(url)
  const { href } = Object.assign(new URL(url), { port: await freePort() })
  const files = {
    'users.txt': `"${decodeURIComponent(username)}" "${decodeURIComponent(password)}"\n`,
    'pgbouncer.ini': `
[databases]
* = host=${hostname} port=${port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${new URL(href).port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = users.txt
pool_mode = transaction
default_pool_size = ${connections}
`,
  }
  const answers = () =>
    query(href, 'SELECT 1').then(
      () => true,
      () => false,
    )
  await startProxy(t, [PGBOUNCER, 'pgbouncer.ini'], files, answers)
  return href
}
