import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { caseNamed } from './cases.ts'
import { type CompareOptions, compare, type Spread } from './compare.ts'
import { type Contender, type Running, sqlite } from './contender.ts'

// node bench/observed.ts [traces] [--starts 6] [--rounds 5] [--seconds 1]
// Measures what metrics and log lines cost, or traces: the service with and without.

const withVariables = (name: string, variables: Record<string, string>): Contender => ({
  ...sqlite,
  name,
  environment: (directory) => ({ ...sqlite.environment(directory), ...variables }),
})

const unobserved: Contender = {
  ...sqlite,
  name: 'unobserved',
  script: new URL('./contenders/unobserved.ts', import.meta.url),
}
const everyLine = withVariables('every line', { LOG_LEVEL: 'debug' })

/** The first scrape starts the process metrics. Without metrics another GET is sent: a second kind of request costs a tenth of the rate. */
async function scrape({ contender, url }: Running): Promise<void> {
  const path = contender === unobserved ? '/health/live' : '/metrics'
  const answer = await fetch(url + path)
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}`)
  await answer.text()
}

const compareObserved = (name: string, observed: Contender[], options: CompareOptions): Promise<Spread[]> =>
  compare(caseNamed(name), [unobserved, ...observed], { ...options, beforeRound: scrape })

/** @returns the rate with metrics and log lines as a share of the rate without */
export async function measureObserved(options: CompareOptions): Promise<Spread> {
  const [observed] = await compareObserved('single', [sqlite], options)
  return observed as Spread
}

async function measureTraces(options: CompareOptions): Promise<void> {
  // A collector that reads and forgets.
  const collector = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'))
  }).listen(0, '127.0.0.1')
  await once(collector, 'listening')
  const traced = (name: string, sampled: string): Contender =>
    withVariables(name, {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: sampled,
    })
  await compare(caseNamed('single'), [sqlite, traced('1 in 100', '0.01'), traced('all', '1')], options)
  collector.closeAllConnections()
  collector.close()
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      starts: { type: 'string', default: '6' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '1' },
    },
    allowPositionals: true,
  })
  const extent = { rounds: Number(values.rounds), seconds: Number(values.seconds), warmUpSeconds: 2 }
  const options = { starts: Number(values.starts), extent }
  if (positionals[0] === 'traces') await measureTraces(options)
  else for (const name of ['single', 'replay']) await compareObserved(name, [sqlite, everyLine], options)
}

if (import.meta.main) await main()
