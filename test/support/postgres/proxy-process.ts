import { spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { observe } from '../service-process.ts'
import { until } from '../until.ts'
import { accountOf } from './binaries.ts'
import { Keeper } from './cluster.ts'

/** Why tests that need a program are skipped; false where it is installed. */
export const missing = (program: string): string | false => !existsSync(program) && `${program} is not installed`

/**
 * Starts a program in a folder of its own, as the account that PostgreSQL runs as. It ends with the test.
 * @param files put into the folder
 * @returns once it is ready
 * @throws {Error} when it ends before, with what it printed
 */
export async function startProxy(
  t: Test,
  [program, ...words]: [string, ...string[]],
  files: Record<string, string>,
  isReady: () => boolean | Promise<boolean>,
): Promise<void> {
  const account = accountOf()
  const folder = mkdtempSync(join(tmpdir(), 'formula-proxy-'))
  const keeper = new Keeper(folder, 'KILL')
  t.teardown(() => keeper.finish())
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  if (account.uid !== undefined && account.gid !== undefined) chownSync(folder, account.uid, account.gid)
  const child = spawn(program, words, { ...account, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  keeper.keep(child.pid)
  child.once('exit', () => keeper.keep(undefined))
  const { ended } = observe(t, child)
  await until(async () => child.exitCode !== null || (await isReady()))
  if (child.exitCode !== null) throw new Error(`${program} ended: ${(await ended).stderr.join('\n')}`)
}
