import { parseArgs } from 'node:util'
import { StoreRefused, StoreUnavailable } from '../errors/store-errors.ts'
import { parseLocation } from '../stores/location.ts'
import { MoveDiffers, type Moved, moveStore } from '../stores/move/move-store.ts'
import { showParts } from './progress.ts'
import { EXIT, runCommand, type Surroundings } from './run-command.ts'

const USAGE =
  'npm run migrate:store -- --from sqlite:<path> [--to postgres://user@host/database], or with TO_DATABASE_URL in place of --to'

/** Command lines are visible to every user of the machine; environment variables only to the owner of the process. */
const PASSWORD = /:\/\/[^@]*:[^@]*@|[?&]\w*password=/i

class UsageError extends Error {}

function readArguments(args: string[], env: NodeJS.ProcessEnv): { from: string; to: string } {
  try {
    const text = { type: 'string' } as const
    const { values } = parseArgs({ args, options: { from: text, to: text } })
    if (PASSWORD.test(values.to ?? '')) {
      throw new Error(
        '--to must not hold a password, which every user of this machine would see: put the URL into TO_DATABASE_URL',
      )
    }
    const { from, to = env.TO_DATABASE_URL } = values
    if (from === undefined || to === undefined) throw new Error('Give --from and --to')
    const [source, target] = [parseLocation(from), parseLocation(to)]
    if (source.engine !== 'sqlite' || target.engine !== 'postgres') throw new Error('only from SQLite to PostgreSQL')
    return { from: source.path, to: target.url }
  } catch (error) {
    throw new UsageError(`${(error as Error).message}. Usage: ${USAGE}`)
  }
}

function describe(moved: Moved): string {
  if (moved.kind === 'partly') {
    return `${moved.formulas} formulas are copied; the service still runs on the file. Stop it, and run this again: it copies what is new, answers and events.`
  }
  const { formulas, answers, events } = moved
  return `Moved and compared: ${formulas} formulas, ${answers} answers, ${events} events. Start the service with the new DATABASE_URL; keep the file as a backup, and start nothing on it.`
}

async function run({ args, env, stdout }: Surroundings): Promise<number> {
  // Only this user may read the lock file that is created beside the source.
  process.umask(0o077)
  const locations = readArguments(args, env)
  const moved = await moveStore({ ...locations, now: Date.now(), progress: showParts(process.stdout) })
  stdout.write(`${describe(moved)}\n`)
  return moved.kind === 'whole' ? EXIT.done : EXIT.partly
}

process.exitCode = await runCommand({
  usage: USAGE,
  run,
  expected: [UsageError, StoreRefused, StoreUnavailable, MoveDiffers],
})
