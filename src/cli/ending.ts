/** What the exit code of a command tells. */
export const EXIT = {
  /** Everything is done. */
  done: 0,
  /** It could not run, or not to the end. */
  failed: 1,
  /** Everything is done, but some formulas were refused. */
  refused: 2,
  /** A signal ended it. */
  interrupted: 130,
} as const

/** npm passes on a Ctrl-C that the terminal has sent already, so the same one may come twice. */
const SAME_SIGNAL_MS = 1_000

/**
 * Aborts at the first SIGINT or SIGTERM; a second one ends the process at once.
 * @param onStop told of the first
 */
export function stopOnSignals(onStop: () => void): AbortController {
  const stop = new AbortController()
  let stoppedAt = 0
  const handle = () => {
    if (!stop.signal.aborted) {
      stoppedAt = performance.now()
      stop.abort()
      onStop()
    } else if (performance.now() - stoppedAt > SAME_SIGNAL_MS) process.exit(EXIT.interrupted)
  }
  process.on('SIGINT', handle).on('SIGTERM', handle)
  return stop
}

/**
 * Runs a command and sets the process's exit code.
 * @param expected the errors that the user is told in one line; others are bugs
 */
export async function runCommand(command: () => Promise<number>, expected: (new (...args: never[]) => Error)[]) {
  try {
    process.exitCode = await command()
  } catch (error) {
    const { message, stack } = error as Error
    const isExpected = expected.some((kind) => error instanceof kind) || 'syscall' in (error as Error)
    process.stderr.write(`${isExpected ? message : stack}\n`)
    process.exitCode = EXIT.failed
  }
}
