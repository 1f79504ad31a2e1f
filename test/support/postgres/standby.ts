import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { until } from '../until.ts'
import type { Installed } from './binaries.ts'
import { Cluster, SUPERUSER } from './cluster.ts'
import { query } from './server.ts'

/** The setting of a primary that says which standbys have to have a commit before it is answered. */
export const STANDBYS = 'synchronous_standby_names'

/**
 * Starts a standby, which follows a primary until it is promoted. It has the primary's settings.
 * @param name its name in `STANDBYS`
 * @param binaries those of the primary
 */
export function startStandby(primary: Cluster, name: string, binaries: Installed): Promise<Cluster> {
  const { user, password } = SUPERUSER
  const source = `host=127.0.0.1 port=${primary.port} user=${user} password=${password} application_name=${name}`
  return Cluster.restore({}, binaries, async (data, account) => {
    const words = ['--dbname', source, '--pgdata', data, '--write-recovery-conf', '--checkpoint=fast', '--no-sync']
    await promisify(execFile)(join(binaries.folder, 'pg_basebackup'), words, { ...account, cwd: '/' })
  })
}

/** Makes a standby the primary. @param url of the standby */
export async function promote(url: string): Promise<void> {
  // Not a statement that waits: its snapshot could hold up the replay of the log, which comes first.
  await query(url, 'SELECT pg_promote(wait => false)')
  await until(async () => (await query(url, 'SELECT WHERE NOT pg_is_in_recovery()')).length > 0)
}
