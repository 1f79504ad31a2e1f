import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { formula } from '../../support/service-process.ts'
import { until } from '../../support/until.ts'
import { count } from '../figures.ts'
import { type Server, startServer } from '../server.ts'
import { type Asked, ask } from './answers.ts'
import { everyName } from './sending.ts'

t.setTimeout(300_000)

const MOUNT = 'mount -t tmpfs -o size=12m tmpfs "$0" && exec "$@"'
const BLOCKS = [65_536, 4_096, 512, 1]

/** A command prefix that mounts a small disk on a folder, for this process alone. */
const withSmallDisk = (folder: string): string[] => ['unshare', '--map-root-user', '--mount', 'sh', '-c', MOUNT, folder]

/** Why no small disk can be mounted here; false when one can. */
function noSmallDisk(): string | false {
  const folder = join(tmpdir(), `small-disk-${process.pid}`)
  mkdirSync(folder)
  const [command = '', ...words] = [...withSmallDisk(folder), 'true']
  const { status, stderr } = spawnSync(command, words, { encoding: 'utf8' })
  rmSync(folder, { recursive: true })
  return status === 0 ? false : `no file system can be mounted here: ${stderr}`
}

/** A file that fills the disk of a server. */
class Filler {
  readonly #path: string
  #file: number | undefined

  constructor({ pid }: Server, folder: string) {
    this.#path = `/proc/${pid}/root${folder}/filler`
  }

  fill(): void {
    this.#file ??= openSync(this.#path, 'w')
    for (const size of BLOCKS) {
      try {
        for (;;) writeSync(this.#file, Buffer.alloc(size, 1))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    }
  }

  remove(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
    rmSync(this.#path)
  }
}

/** Records the answers to its submissions. */
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

type Case = (typeof CASES)[keyof typeof CASES]

async function start(t: Test, { database, queue, file }: Case): Promise<{ server: Server; disk: Filler }> {
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

for (const [name, files] of Object.entries(CASES)) {
  t.test(
    `${name}: a full disk gives clean 503s, and all is well when there is room again`,
    { skip: noSmallDisk() },
    async (t) => {
      const { server, disk } = await start(t, files)
      const { url } = server
      const client = new Client(url)
      for (let number = 0; number < 30; number++) await client.submit()
      const { events } = (await ask(url, '/events/receive', { max: 5, leaseSeconds: 600 })).body as unknown as Leased
      const [first, second] = events.map(({ receipt }) => receipt) as [string, string]
      const first200 = client.accepted.get(1) as string
      const { formulas } = JSON.parse(first200) as { formulas: { id: string }[] }

      // Fill it under load, so that writes are torn.
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
      const full = [files.database === 'small' ? ['db'] : [], files.queue === 'small' ? ['queue'] : []].flat()
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
      if (files.queue === 'large') t.equal(ack.status, 200)
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
        // Events are released late when the disk filled just after a commit point.
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
