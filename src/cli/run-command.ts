export const EXIT = {
  done: 0,
  /** The command did not run, or not to its end. */
  failed: 1,
  /** The command is done, but some formulas were refused, or not there. */
  refused: 2,
  /** The first of two steps is done. */
  partly: 3,
  /** Ended by a signal. */
  interrupted: 130,
} as const

/** npm forwards a Ctrl-C that the terminal has sent too, so one Ctrl-C may arrive twice within this time. */
const DUPLICATE_SIGNAL_MS = 1_000

/** Aborts and calls `onStop` at the first SIGINT or SIGTERM; a second one ends the process at once. */
export function stopOnSignals(onStop: () => void): AbortController {
  const stop = new AbortController()
  let stoppedAt = 0
  const handle = () => {
    if (!stop.signal.aborted) {
      stoppedAt = performance.now()
      stop.abort()
      onStop()
    } else if (performance.now() - stoppedAt > DUPLICATE_SIGNAL_MS) process.exit(EXIT.interrupted)
  }
  process.on('SIGINT', handle).on('SIGTERM', handle)
  return stop
}

/** The parts of the process that a command uses; tests pass others. */
export interface Surroundings {
  args: string[]
  env: NodeJS.ProcessEnv
  stdout: NodeJS.WritableStream
  stderr: NodeJS.WriteStream
  stopOnSignals: typeof stopOnSignals
}

const { argv, env, stdout, stderr } = process
const PROCESS: Surroundings = { args: argv.slice(2), env, stdout, stderr, stopOnSignals }

export interface Command {
  /** Printed for --help or -h. */
  usage: string
  /** @returns the exit code; undefined for success */
  run(surroundings: Surroundings): Promise<number | undefined> | number | undefined
  /** Errors shown as one line, as system errors are. All others are bugs, shown with their stack. */
  expected: (new (
    ...args: never[]
  ) => Error)[]
}

/** Runs a command in this process. @returns the exit code */
export async function runCommand({ usage, run, expected }: Command, surroundings = PROCESS): Promise<number> {
  const { args, stdout, stderr } = surroundings
  if (args.includes('--help') || args.includes('-h')) {
    stdout.write(`${usage}\n`)
    return EXIT.done
  }
  try {
    return (await run(surroundings)) ?? EXIT.done
  } catch (error) {
    const { message, stack } = error as Error
    const isExpected = expected.some((kind) => error instanceof kind) || 'syscall' in (error as Error)
    stderr.write(`${isExpected ? message : stack}\n`)
    return EXIT.failed
  }
}
