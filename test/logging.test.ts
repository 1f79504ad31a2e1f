import Fastify from 'fastify'
import { test } from 'tap'
import { StoreUnavailable } from '../src/errors/store-errors.ts'
import { loggerOptions } from '../src/logging.ts'

/** Logs as the service does. @returns the lines */
function logged(write: (log: ReturnType<typeof Fastify>['log']) => void): Record<string, unknown>[] {
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  const { log } = Fastify({ logger: { ...loggerOptions({ logLevel: 'trace' }, false), stream } })
  write(log)
  return lines.map((line) => JSON.parse(line))
}

test('lines are made readable on a terminal, and nowhere else', async (t) => {
  t.match(loggerOptions({ logLevel: 'info' }, true), { transport: { target: 'pino-pretty' } })
  t.notOk('transport' in loggerOptions({ logLevel: 'info' }, false))
})

test('lines on a terminal have colours unless NO_COLOR, FORCE_COLOR or the terminal is against it', async (t) => {
  const cases: [env: NodeJS.ProcessEnv, colorize: boolean][] = [
    [{}, true],
    [{ NO_COLOR: '' }, true],
    [{ NO_COLOR: '1' }, false],
    [{ NO_COLOR: '0' }, false],
    [{ FORCE_COLOR: '0' }, false],
    [{ FORCE_COLOR: 'false' }, false],
    [{ FORCE_COLOR: '1', TERM: 'dumb' }, true],
    [{ FORCE_COLOR: '' }, true],
    [{ NO_COLOR: '', FORCE_COLOR: '0' }, false],
    [{ TERM: 'dumb' }, false],
  ]
  for (const [env, colorize] of cases) {
    const { transport } = loggerOptions({ logLevel: 'info' }, true, env) as { transport?: object }
    t.match(transport, { options: { colorize } }, JSON.stringify(env))
  }
})

test('of an error its type, message, stack and code are logged, of its causes too, and nothing else', async (t) => {
  const cause = Object.assign(new Error('duplicate key'), { code: '23505', detail: 'secret', where: 'secret' })
  const error = Object.assign(new StoreUnavailable('PostgreSQL: duplicate key', { cause }), { parameters: ['secret'] })
  const [line] = logged((log) => log.warn({ err: error }, 'it failed'))
  t.match(line?.err, {
    type: 'StoreUnavailable',
    message: 'PostgreSQL: duplicate key',
    stack: /^ {4}at .*logging\.test\.ts/,
    cause: { type: 'Error', message: 'duplicate key', code: '23505' },
  })
  t.notMatch(JSON.stringify(line), /secret/)
})

test('what a message quotes of data is cut out, of the stack as well', async (t) => {
  const parsed = (() => {
    try {
      return JSON.parse('["secret')
    } catch (error) {
      return error as Error
    }
  })()
  const badJson = new SyntaxError(`Unexpected token 's', "secret" is not valid JSON`)
  const dataException = Object.assign(new Error('invalid input syntax for type integer: "a secret"'), { code: '22P02' })
  const relation = Object.assign(new Error('relation "formulas" does not exist'), { code: '42P01' })
  const lines = logged((log) => {
    for (const err of [parsed, badJson, dataException, relation]) log.error({ err }, 'it failed')
  })
  t.notMatch(JSON.stringify(lines), /secret/)
  t.match(
    lines.map(({ err }) => err),
    [
      { type: 'SyntaxError' },
      { message: `Unexpected token 's', "…" is not valid JSON` },
      { message: 'invalid input syntax for type integer: "…"', code: '22P02' },
      { message: 'relation "formulas" does not exist' },
    ],
  )
})

test('what is thrown and is no error is not logged', async (t) => {
  const [line] = logged((log) => log.error({ err: { name: 'secret' } }, 'it failed'))
  t.match(line?.err, { type: 'object', message: 'A value was thrown, not an Error' })
  t.notMatch(JSON.stringify(line), /secret/)
})

test('causes that lead to themselves come to an end', async (t) => {
  const error = new Error('round')
  error.cause = error
  t.match(
    logged((log) => log.error({ err: error }, 'it failed')),
    [{ err: { cause: { cause: { message: 'round' } } } }],
  )
})

test('a request is logged without its query, and headers and bodies are not, should a line be given them', async (t) => {
  const request = { method: 'GET', url: '/formulas?name=secret', headers: { authorization: 'secret' }, body: 'secret' }
  const secrets = { headers: request.headers, body: 'secret', materials: ['secret'], idempotencyKey: 'secret' }
  const [line] = logged((log) => log.info({ req: request, ...secrets }, 'asked'))
  t.match(line, { req: { method: 'GET', path: '/formulas' }, body: '[redacted]', headers: '[redacted]' })
  t.notMatch(JSON.stringify(line), /secret/)
})
