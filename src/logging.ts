import type { Config } from './config/config.ts'
import { reasonOf } from './kit/reason.ts'

type LoggedError = {
  type: string
  message: string
  /** The frames alone, without the message that Node puts in front. */
  stack: string
  code?: string
  cause?: LoggedError
}

/** Fields that no line should contain; redacted in case one does. */
const SECRETS = [
  'authorization',
  'headers',
  'body',
  'materials',
  'metadata',
  'formulas',
  'idempotencyKey',
  'secret',
  'req.headers',
  'req.body',
  'res.headers',
]

/** Depth of the logged chain of causes. */
const MAX_CAUSES = 5

/** Logs JSON lines, or readable ones on a terminal. No line holds a secret, at any level. */
export function loggerOptions({ logLevel }: Pick<Config, 'logLevel'>, isTerminal: boolean, env = process.env) {
  return {
    level: logLevel,
    serializers: { err: (error: unknown) => describe(error), req: describeRequest },
    redact: { paths: SECRETS, censor: '[redacted]' },
    ...(isTerminal && { transport: { target: 'pino-pretty', options: { colorize: hasColours(env) } } }),
  }
}

/** Follows no-color.org and force-color.org: an empty variable counts as unset. */
function hasColours({ NO_COLOR, FORCE_COLOR, TERM }: NodeJS.ProcessEnv): boolean {
  if (NO_COLOR) return false
  return FORCE_COLOR ? !['0', 'false'].includes(FORCE_COLOR) : TERM !== 'dumb'
}

/** Logs listed fields only: others, such as those of PostgreSQL's errors, may quote rows, and so may a message. */
function describe(error: unknown, causes = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: 'A value was thrown, not an Error', stack: '' }
  const { code, cause, stack = '' } = error as Error & { code?: unknown }
  return {
    type: error.name,
    message: reasonOf(error),
    stack: stack.split('\n').filter(isFrame).join('\n'),
    ...(typeof code === 'string' && { code }),
    ...(cause !== undefined && causes < MAX_CAUSES && { cause: describe(cause, causes + 1) }),
  }
}

const isFrame = (line: string): boolean => /^ {4}at /.test(line)

/** Omits the query, which may hold the beginning of a formula's name. */
function describeRequest({ method, url }: { method: string; url: string }) {
  return { method, path: url.split('?', 1)[0] }
}
