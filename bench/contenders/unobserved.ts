import { buildApp } from '../../src/app.ts'
import { readConfig } from '../../src/config/config.ts'
import { loggerOptions } from '../../src/logging.ts'
import { unobserved } from '../../src/submission/options.ts'

/** This service as it would be if it told nothing of itself: no metrics, no lines about requests. */
const config = readConfig(process.env)
const app = buildApp(config, { logger: loggerOptions(config, false), observed: false })
await app.ready()
app.metrics.submissionEnded = () => {}
Object.assign(app.metrics.submissions, unobserved)
const address = await app.listen({ host: '127.0.0.1', port: config.port })
// The benchmark reads from here that it listens, and where.
process.stdout.write(`listening at ${address};\n`)
