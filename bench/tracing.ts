/**
 * What traces cost: submissions that are not traced, of which one in a hundred is kept, and of which all are, in turns.
 * The collector reads and forgets, and takes its share of the machine.
 *
 *   node bench/tracing.ts [--seconds 5] [--rounds 3]
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { type Case, cases } from './cases.ts'
import { type Contender, sqlite } from './contender.ts'
import { say, sayFigures } from './print.ts'
import { Under } from './under.ts'

const WARM_UP_SECONDS = 2

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '5' }, rounds: { type: 'string', default: '3' } },
})

function traced(name: string, endpoint: string, sampled: string): Contender {
  const tracing = {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: sampled,
  }
  return { ...sqlite, name, environment: (directory) => ({ ...sqlite.environment(directory), ...tracing }) }
}

const collector = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'))
}).listen(0, '127.0.0.1')
await once(collector, 'listening')
const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`

const single = cases.find(({ name }) => name === 'single') as Case
const contenders = [{ ...sqlite, name: 'untraced' }, traced('1 in 100', endpoint, '0.01'), traced('all', endpoint, '1')]
const extent = { seconds: Number(values.seconds), rounds: Number(values.rounds), warmUpSeconds: WARM_UP_SECONDS }
const measured = contenders.map((contender) => new Under(single, contender))
try {
  for (const each of measured) await each.prepare(extent)
  for (let round = 0; round < extent.rounds; round++) for (const each of measured) await each.round(extent)
  for (const each of measured) await each.verify()
  say(single.title)
  sayFigures({ ...single, unit: single.unit.name, figures: measured.map((each) => each.figure()) })
} finally {
  for (const each of measured) await each.remove()
  collector.closeAllConnections()
  collector.close()
}
