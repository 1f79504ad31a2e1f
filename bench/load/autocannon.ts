import autocannon from 'autocannon'
import manifest from 'autocannon/package.json' with { type: 'json' }
import { timingOf } from '../statistics.ts'
import type { Answered, Generator, Load } from './load.ts'
import { headersOf, request } from './requests.ts'

/** For machines without wrk. It competes with the contender for CPU time. */
export const autocannonGenerator: Generator = { name: 'autocannon', version: manifest.version, load }

/** Its types hide that the promise is the emitter as well. */
const start = autocannon as unknown as (options: autocannon.Options) => autocannon.Instance & Promise<autocannon.Result>

async function load(load: Load): Promise<Answered> {
  const receipts: string[] = []
  let [sent, acked] = [0, 0]
  const each: autocannon.Request = {
    setupRequest: (blank) => {
      const next = request(load, ++sent, receipts.pop())
      if (next.body === '') return { ...blank, path: next.path }
      return { ...blank, method: 'POST', path: next.path, headers: headersOf(next), body: next.body }
    },
  }
  // Only for consumers: reading answers costs CPU time.
  if (load.requests === 'consume') {
    each.onResponse = (_status, body) => {
      const count = /"acked":(\d+)/.exec(body)?.[1]
      if (count !== undefined) acked += Number(count)
      else if (body.includes('"receipt"')) {
        receipts.push([...body.matchAll(/"receipt":("[^"]+")/g)].map(([, receipt]) => receipt).join())
      }
    }
  }
  const durations: number[] = []
  const { url, connections, seconds: duration } = load
  const running = start({ url, connections, duration, timeout: 30, requests: [each] })
  running.on('response', (_client, _status, _bytes, ms) => durations.push(ms))
  const { requests, non2xx: refused, errors: failed, duration: seconds } = await running
  return { requests: requests.total, refused, failed, acked, seconds, ...timingOf(durations) }
}
