import type { Config } from './config/config.ts'
import { reasonOf } from './kit/reason.ts'

/** An error as it is logged. */
type LoggedError = {
  type: string
  message: string
  /** Of the functions it came through, without the message that Node puts before them. */
  stack: string
  code?: string
  cause?: LoggedError
}

/** Should a line be given more than it ought to hold, it does not get out. */
const SECRETS = [
  'authorization',
  'headers',
  'body',
  'materials',
  'formulas',
  'idempotencyKey',
  'secret',
  'req.headers',
  'req.body',
  'res.headers',
]

/** Causes of causes that are told. */
const MOST_CAUSES = 5

/** How the service logs: JSON lines, or readable ones on a terminal. No line holds a secret, at any level. */
export function loggerOptions({ logLevel }: Pick<Config, 'logLevel'>, isTerminal: boolean, env = process.env) {
  return {
    level: logLevel,
    serializers: { err: (error: unknown) => describe(error), req: describeRequest },
    redact: { paths: SECRETS, censor: '[redacted]' },
    ...(isTerminal && { transport: { target: 'pino-pretty', options: { colorize: hasColours(env) } } }),
  }
}

/** Whether a terminal gets colours, by no-color.org and force-color.org: a variable that is empty counts as unset. */
function hasColours({ NO_COLOR, FORCE_COLOR, TERM }: NodeJS.ProcessEnv): boolean {
  if (NO_COLOR) return false
  return FORCE_COLOR ? !['0', 'false'].includes(FORCE_COLOR) : TERM !== 'dumb'
}

/**
 * Names the fields that are logged. Others are left out whatever they are called: those of PostgreSQL's errors quote
 * rows, and a message may quote what could not be read.
 */
function describe(error: unknown, causes = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: 'What was thrown is no error', stack: '' }
  const { code, cause, stack = '' } = error as Error & { code?: unknown }
  return {
    type: error.name,
    message: reasonOf(error),
    stack: stack.split('\n').filter(isFrame).join('\n'),
    ...(typeof code === 'string' && { code }),
    ...(cause !== undefined && causes < MOST_CAUSES && { cause: describe(cause, causes + 1) }),
  }
}

const isFrame = (line: string): boolean => /^ {4}at /.test(line)

/** A query may hold the beginning of a formula's name. */
function describeRequest({ method, url }: { method: string; url: string }) {
  return { method, path: url.split('?', 1)[0] }
}
