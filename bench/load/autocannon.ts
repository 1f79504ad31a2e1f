import autocannon from 'autocannon'
import manifest from 'autocannon/package.json' with { type: 'json' }
import { percentile } from '../median.ts'
import type { Answered, Generator, Load } from './generator.ts'
import { request } from './requests.ts'

/** The generator in JavaScript, for machines without wrk. It competes with the contender for the same cores. */
export const autocannonGenerator: Generator = {
  name: 'autocannon',
  version: manifest.version,
  load,
}

/** What its types do not tell: the promise is the emitter as well. */
const start = autocannon as unknown as (options: autocannon.Options) => autocannon.Instance & Promise<autocannon.Result>

async function load(load: Load): Promise<Answered> {
  const requests = new Sequence(load)
  const latencies: number[] = []
  const running = start({
    url: load.url,
    connections: load.connections,
    duration: load.seconds,
    timeout: 30,
    requests: [requests.each],
  })
  running.on('response', (_client, _status, _bytes, ms) => latencies.push(ms))
  const result = await running
  const sorted = Float64Array.from(latencies).sort()
  return {
    requests: result.requests.total,
    refused: result.non2xx,
    failed: result.errors,
    acked: requests.acked,
    seconds: result.duration,
    p50Ms: percentile(sorted, 50),
    p99Ms: percentile(sorted, 99),
    maxMs: sorted.at(-1) ?? 0,
  }
}

/** The requests of a load, in their order over all connections. */
class Sequence {
  readonly #load: Load
  readonly #waiting: string[] = []
  #sent = 0
  acked = 0

  constructor(load: Load) {
    this.#load = load
  }

  /** What autocannon asks for before each request. */
  get each(): autocannon.Request {
    const consumes = this.#load.requests === 'consume'
    return {
      setupRequest: (blank) => {
        const { path, key, body } = request(this.#load, ++this.#sent, this.#waiting.pop())
        const headers = { 'content-type': 'application/json', ...(key !== undefined && { 'idempotency-key': key }) }
        return { ...blank, method: 'POST', path, headers, body }
      },
      // Only consumers look at answers, which costs.
      ...(consumes && { onResponse: (_status: number, body: string) => this.#consumed(body) }),
    }
  }

  #consumed(body: string): void {
    const acked = /"acked":(\d+)/.exec(body)?.[1]
    if (acked !== undefined) this.acked += Number(acked)
    const receipts = [...body.matchAll(/"receipt":("[^"]+")/g)].map(([, receipt]) => receipt)
    if (acked === undefined && receipts.length > 0) this.#waiting.push(receipts.join())
  }
}
