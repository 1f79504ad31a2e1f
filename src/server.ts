import closeWithGrace, { type Signals } from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import { KeyFileRefused } from './access/key-file.ts'
import { buildApp } from './app.ts'
import { type Config, ConfigError, HOST_HINT, readConfig, variables } from './config/config.ts'
import { unknownVariables } from './config/unknown-variables.ts'
import { StoreRefused, StoreUnavailable } from './errors/store-errors.ts'
import { loggerOptions } from './logging.ts'
import { describeLocation } from './stores/location.ts'

/** Time for closing beyond the longest submission, in milliseconds. */
const GRACE_MS = 15_000

/** Runs the service until a signal ends it. */
async function run(): Promise<void> {
  const config = readConfig(process.env)
  // OpenTelemetry reads the variable itself: give it the trimmed value.
  if (config.otlpEndpoint !== null) process.env.OTEL_EXPORTER_OTLP_ENDPOINT = config.otlpEndpoint
  // Formulas are secret: only this user may read the files.
  process.umask(0o077)
  const app = buildApp(config, { logger: loggerOptions(config, process.stdout.isTTY) })
  warnOfUnknownVariables(app)
  const delay = config.submitDeadlineMs + GRACE_MS
  const skip: Signals[] = config.apiKeysFile === null ? [] : ['SIGHUP']
  for (const signal of skip) process.on(signal, () => app.apiKeys?.reload())
  const grace = closeWithGrace({ delay, logger: app.log, skip }, async ({ err, signal }) => {
    if (err) app.log.fatal({ err }, 'closing after an error that nobody caught')
    else app.log.info(`closing on ${signal}`)
    await app.close()
  })
  try {
    await listen(app, config)
  } catch (error) {
    grace.uninstall()
    await app.close()
    throw error
  }
}

function warnOfUnknownVariables({ log }: FastifyInstance): void {
  for (const { name, meant } of unknownVariables(process.env, Object.keys(variables))) {
    log.warn(`Unknown variable ${name}${meant === null ? '' : `; did you mean ${meant}?`}`)
  }
}

async function listen(app: FastifyInstance, config: Config): Promise<void> {
  const { host, port, database, queue, sinks, otlpEndpoint, otlpMetrics } = config
  const facts = [
    `database ${describeLocation(database)}, queue ${describeLocation(queue)}`,
    ...sinks.map(({ url, subscription }) => `events of ${subscription} are forwarded to ${url.host}`),
    ...(otlpEndpoint === null ? [] : [`traces go to ${new URL(otlpEndpoint).host}`]),
    ...(otlpMetrics === null ? [] : [`metrics go to ${new URL(otlpMetrics.url).host}`]),
  ].join('; ')
  await app.listen({
    // Given `localhost`, Fastify makes a second server for ::1, without our limits.
    host: host.toLowerCase() === 'localhost' ? '127.0.0.1' : host,
    port,
    listenTextResolver: (address) => `listening at ${address}; ${facts}; console at ${address}/`,
  })
}

/** Explains why the service cannot start: one line per problem, or a stack for an unexpected error. */
function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof StoreRefused || error instanceof KeyFileRefused)
    return error.message
  if (error instanceof StoreUnavailable) return `Cannot open the store: ${error.message}`
  const { code, syscall, message, stack } = error as NodeJS.ErrnoException
  if (syscall !== 'listen' && syscall !== 'getaddrinfo') return stack ?? message
  const isPortAtFault = code === 'EADDRINUSE' || code === 'EACCES'
  return `Cannot listen: ${message}${isPortAtFault ? '' : `; ${HOST_HINT}`}`
}

try {
  await run()
} catch (error) {
  process.stderr.write(`${explain(error)}\n`)
  process.exit(1)
}
