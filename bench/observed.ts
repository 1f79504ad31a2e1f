import { parseArgs } from 'node:util'
import { cases } from './cases.ts'
import { type Contender, sqlite } from './contender.ts'
import { compareInTurns } from './in-turns.ts'
import { say } from './print.ts'
import type { Under } from './under.ts'

// node bench/observed.ts [--starts 6] [--rounds 5] [--seconds 1]
// What metrics and lines about requests cost: the service with them and without, in turns.

const unobserved: Contender = {
  ...sqlite,
  name: 'unobserved',
  description: 'this service without metrics and lines about requests',
  script: new URL('./contenders/unobserved.ts', import.meta.url),
}

const everyLine: Contender = {
  ...sqlite,
  name: 'every line',
  description: 'this service with a line for each request (LOG_LEVEL=debug), read by nobody',
  environment: (directory) => ({ ...sqlite.environment(directory), LOG_LEVEL: 'debug' }),
}

const CASES = ['single', 'replay']

/**
 * Scrapes as Prometheus would, far more often: the first begins what measures the process. Who is not measured gets
 * another request: a server that has only ever had one kind is faster by a tenth, and no service is asked so.
 */
async function scrape({ running }: Under): Promise<void> {
  const path = running.contender === unobserved ? '/health/live' : '/metrics'
  const answer = await fetch(running.url + path)
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}`)
  await answer.text()
}

const { values } = parseArgs({
  options: {
    starts: { type: 'string', default: '6' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '1' },
  },
})
const extent = { rounds: Number(values.rounds), seconds: Number(values.seconds), warmUpSeconds: 2 }
// Ends the contenders as well, and removes their files.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
for (const subject of cases.filter(({ name }) => CASES.includes(name))) {
  say(`\n${subject.title}`)
  await compareInTurns(subject, [unobserved, sqlite, everyLine], {
    starts: Number(values.starts),
    extent,
    before: scrape,
  })
}
