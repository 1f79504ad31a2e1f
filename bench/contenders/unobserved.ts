import { buildApp } from '../../src/app.ts'
import { readConfig } from '../../src/config/config.ts'
import { loggerOptions } from '../../src/logging.ts'
import { unobserved } from '../../src/submission/options.ts'

// This service without metrics and log lines of requests.

const config = readConfig(process.env)
const app = buildApp(config, { logger: loggerOptions(config, false), observed: false })
await app.ready()
app.metrics.submissionEnded = () => {}
Object.assign(app.metrics.submissions, unobserved)
const address = await app.listen({ host: '127.0.0.1', port: config.port })
// The benchmark reads the address from this line.
process.stdout.write(`listening at ${address};\n`)
