import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { formula } from '../../support/service-process.ts'
import { until } from '../../support/until.ts'
import { count } from '../figures.ts'
import { type Asked, ask } from './asking.ts'
import { everyName } from './sending.ts'
import { type Server, startServer } from './server.ts'
import { Filler, noSmallDisk, withSmallDisk } from './small-disk.ts'

t.setTimeout(300_000)

/** What a client has been told. */
class Client {
  readonly #url: string
  readonly accepted = new Map<number, string>()
  readonly refused = new Set<number>()
  readonly faults: string[] = []
  #number = 0

  constructor(url: string) {
    this.#url = url
  }

  async submit(number = ++this.#number): Promise<Asked> {
    const asked = await ask(this.#url, '/formulas', formula(number, `Formula ${number}`), `key-${number}`)
    const { status, body, fault, text } = asked
    if (fault !== null) this.faults.push(fault)
    if (status === 200) this.accepted.set(number, text)
    else this.refused.add(number)
    if (status !== 200 && body.code !== 'SUBMISSION_FAILED') this.faults.push(`${status} ${text}`)
    return asked
  }

  get names(): string[] {
    return [...this.accepted.keys()].map((number) => `Formula ${number}`).sort()
  }
}

const CASES = {
  'one file': { database: 'small', queue: 'small', file: 'formulas.db' },
  'two files, the database on a full disk': { database: 'small', queue: 'large', file: 'events.db' },
  'two files, the queue on a full disk': { database: 'large', queue: 'small', file: 'events.db' },
} as const

type Place = (typeof CASES)[keyof typeof CASES]

async function start(t: Test, { database, queue, file }: Place): Promise<{ server: Server; disk: Filler }> {
  const at = (name: string): string => join(t.testdirName, name)
  t.testdir()
  mkdirSync(at('small'))
  mkdirSync(at('large'))
  const environment = {
    DATABASE_URL: `sqlite:${at(database)}/formulas.db`,
    QUEUE_URL: `sqlite:${at(queue)}/${file}`,
    SUBMIT_RETRIES: '2',
    SUBMIT_RETRY_BASE_MS: '20',
    SUBMIT_RETRY_MAX_MS: '100',
  }
  const server = await startServer(t, { environment, within: withSmallDisk(at('small')) })
  return { server, disk: new Filler(server, at('small')) }
}

interface Leased {
  events: { receipt: string; name: string }[]
}

for (const [name, place] of Object.entries(CASES)) {
  t.test(
    `${name}: a full disk gives clean 503s, and all is well when there is room again`,
    { skip: noSmallDisk() },
    async (t) => {
      const { server, disk } = await start(t, place)
      const { url } = server
      const client = new Client(url)
      for (let number = 0; number < 30; number++) await client.submit()
      const { events } = (await ask(url, '/events/receive', { max: 5, leaseSeconds: 600 })).body as unknown as Leased
      const [first, second] = events.map(({ receipt }) => receipt) as [string, string]
      const first200 = client.accepted.get(1) as string
      const { formulas } = JSON.parse(first200) as { formulas: { id: string }[] }

      // Under load: what is being written when the last byte goes is cut off in the middle.
      const clients = Array.from({ length: 4 }, async () => {
        while (client.refused.size < 20) await client.submit()
      })
      const filling = setInterval(() => disk.fill(), 5)
      await Promise.all(clients)
      t.match(await client.submit(), { status: 503, body: { code: 'SUBMISSION_FAILED' }, fault: null })
      const reads = ['/formulas', `/formulas/${formulas[0]?.id}`, '/health/live']
      for (const path of reads) t.match(await ask(url, path), { status: 200, fault: null }, path)
      const ready = await ask(url, '/health/ready')
      t.match(ready, { status: 503, body: { code: 'STORE_UNAVAILABLE' }, fault: null }, 'not ready')
      const full = [place.database === 'small' ? ['db'] : [], place.queue === 'small' ? ['queue'] : []].flat()
      t.same(
        ready.body.details?.map(({ path }) => path),
        full,
      )
      const nack = await ask(url, '/events/nack', { receipts: [first] })
      const ack = await ask(url, '/events/ack', { receipts: [second] })
      t.comment(`nack ${nack.text}; ack ${ack.text}`)
      for (const { status, body, fault } of [nack, ack]) {
        t.equal(fault, null)
        t.ok(status === 200 || body.code === 'STORE_UNAVAILABLE', `${status}`)
      }
      if (place.queue === 'large') t.equal(ack.status, 200)
      clearInterval(filling)
      count('badInputs', client.refused.size)

      disk.remove()
      await until(async () => (await ask(url, '/health/ready')).status === 200)
      await until(async () => ((await ask(url, '/cleanups')).body.cleanups as []).length === 0)
      t.same((await everyName(url)).sort(), client.names, 'what was answered is there, and nothing refused')
      for (const number of client.refused) t.match(await client.submit(number), { status: 200 }, `key ${number} again`)
      for (const [number, text] of client.accepted) t.equal((await client.submit(number)).text, text)
      t.same((await everyName(url)).sort(), client.names)
      t.same(client.faults, [])
      const published = new Set(events.map(({ name }) => name))
      for (;;) {
        // Where the disk filled right behind a commit point, the events are released a few seconds later.
        const waitSeconds = published.size < client.accepted.size ? 20 : 0
        const { body } = await ask(url, '/events/receive', { max: 100, waitSeconds })
        const { events: more } = body as unknown as Leased
        if (more.length === 0) break
        for (const { name } of more) published.add(name)
      }
      t.same([...published].sort(), client.names, 'each has its event')
      t.ok(server.runs())
      t.match(await server.kill('SIGTERM'), { code: 0, stderr: [] })
    },
  )
}
