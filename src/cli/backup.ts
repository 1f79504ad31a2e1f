import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { ConfigError, readConfig } from '../config/config.ts'
import { StoreRefused } from '../errors/store-errors.ts'
import { type StoreLocation, sameLocation } from '../stores/location.ts'
import { backUp } from '../stores/sqlite/durability/back-up.ts'
import { sync } from '../stores/sqlite/durability/disk.ts'
import { runCommand, type Surroundings } from './run-command.ts'

const USAGE = 'npm run backup -- <folder that does not exist yet>'

/**
 * Backs up the stores that the service's own variables name. The database goes first, so that under load the backup may
 * hold events without formulas, which their ids reveal, but no formulas without events, which nothing would reveal.
 */
function run({ args, stdout, env }: Surroundings): undefined {
  const [target] = args
  if (target === undefined || target.startsWith('-') || args.length > 1) throw new StoreRefused(`Usage: ${USAGE}`)
  const { database, queue } = readConfig(env)
  const stores: [name: string, location: StoreLocation][] = [['database', database]]
  if (!sameLocation(database, queue)) stores.push(['queue', queue])
  if (stores.every(([, { engine }]) => engine !== 'sqlite')) {
    throw new StoreRefused('There is no SQLite file to back up; for PostgreSQL see docs/how-to/back-up-and-restore.md')
  }

  const folder = resolve(target)
  process.umask(0o077)
  const unfinished = makeUnfinished(folder)
  try {
    for (const [name, location] of stores) stdout.write(`${backUpStore(name, location, unfinished)}\n`)
    sync(unfinished)
    renameSync(unfinished, folder)
    sync(dirname(folder))
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true })
    throw error
  }
}

/** @returns the folder of the backup until it is complete and gets its name */
function makeUnfinished(folder: string): string {
  const unfinished = `${folder}.part`
  mkdirSync(dirname(folder), { recursive: true })
  for (const path of [folder, unfinished]) if (existsSync(path)) throw new StoreRefused(`${path} already exists`)
  mkdirSync(unfinished)
  return unfinished
}

/** @returns a line about what was done, for the user */
function backUpStore(name: string, location: StoreLocation, folder: string): string {
  if (location.engine !== 'sqlite') return `The ${name} is not a file: it is not in this backup`
  const { formulas, events } = backUp(location.path, join(folder, `${name}.db`))
  return `${name}.db: ${formulas} formulas, ${events} events`
}

process.exitCode = await runCommand({ usage: USAGE, run, expected: [StoreRefused, ConfigError] })
