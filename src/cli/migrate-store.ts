import { parseArgs } from 'node:util'
import { StoreRefused, StoreUnavailable } from '../errors/store-errors.ts'
import { progressOn } from '../moving/progress.ts'
import { parseLocation } from '../stores/location.ts'
import { MoveDiffers, type Moved, moveStore } from '../stores/move/move-store.ts'

const USAGE =
  'npm run migrate:store -- --from sqlite:<path> [--to postgres://user@host/database], or with TO_DATABASE_URL in place of --to'

/** Every user of a machine sees the command lines of its processes, and nobody but their owner what is in variables. */
const PASSWORD = /:\/\/[^@]*:[^@]*@|[?&]\w*password=/i

/** The command line is not understood; the message is one line. */
class UsageError extends Error {}

/** @returns null when it is asked for help */
function readArguments(args: string[]): { from: string; to: string } | null {
  try {
    const text = { type: 'string' } as const
    const help = { type: 'boolean', short: 'h' } as const
    const { values } = parseArgs({ args, options: { from: text, to: text, help } })
    if (values.help) return null
    if (PASSWORD.test(values.to ?? '')) {
      throw new Error(
        '--to must not hold a password, which every user of this machine would see: put the URL into TO_DATABASE_URL',
      )
    }
    const { from, to = process.env.TO_DATABASE_URL } = values
    if (from === undefined || to === undefined) throw new Error('Say from where and to where')
    const [source, target] = [parseLocation(from), parseLocation(to)]
    if (source.engine !== 'sqlite' || target.engine !== 'postgres') throw new Error('only from SQLite to PostgreSQL')
    return { from: source.path, to: target.url }
  } catch (error) {
    throw new UsageError(`${(error as Error).message}. Usage: ${USAGE}`)
  }
}

function tell(moved: Moved): string {
  if (moved.kind === 'partly') {
    return `${moved.formulas} formulas are copied; the service still runs on the file. Stop it, and run this again: it copies what is new, answers and events.`
  }
  const { formulas, answers, events } = moved
  return `Moved and compared: ${formulas} formulas, ${answers} answers, ${events} events. Start the service with the new DATABASE_URL; keep the file as a backup, and start nothing on it.`
}

try {
  // The lock beside the file is made anew: it is for this user alone, as the file is.
  process.umask(0o077)
  const named = readArguments(process.argv.slice(2))
  if (named === null) process.stdout.write(`${USAGE}\n`)
  else {
    const moved = await moveStore({ ...named, now: Date.now(), progress: progressOn(process.stdout) })
    process.stdout.write(`${tell(moved)}\n`)
    // Told apart from success by scripts: there is a second step.
    process.exitCode = moved.kind === 'whole' ? 0 : 3
  }
} catch (error) {
  const isExpected = [UsageError, StoreRefused, StoreUnavailable, MoveDiffers].some((kind) => error instanceof kind)
  const { message, stack } = error as Error
  process.stderr.write(`${isExpected ? message : stack}\n`)
  process.exitCode = 1
}
