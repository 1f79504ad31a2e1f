import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { formula } from '../../support/service-process.ts'
import { until } from '../../support/until.ts'
import { ClientHistory, sendTo } from '../client-history.ts'
import { count } from '../figures.ts'
import { cleanups, newestFormulas, type Stats, stats } from '../history/reads.ts'
import { Refusals } from '../history/refusals.ts'
import { type Server, startServer } from '../server.ts'
import { ask } from './answers.ts'

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

for (const [name, files] of Object.entries(CASES)) {
  t.test(
    `${name}: a full disk gives clean 503s, and the service recovers when there is room again`,
    { skip: noSmallDisk() },
    async (t) => {
      const { server, disk } = await start(t, files)
      const { url } = server
      const history = new ClientHistory({ maxReceives: 5, inOrder: files.database === files.queue })
      const refusals = new Refusals()
      const connection = sendTo(url)
      const send = refusals.through(connection.send)
      let submissions = 0
      const submit = () => history.submit(send, `key-${++submissions}`, formula(submissions))
      for (let number = 0; number < 30; number++) await submit()
      const receipts = (await history.receive(send, 5, 600))?.map(({ receipt }) => receipt) as [string, string]
      const [{ id = '' } = {}] = (await newestFormulas(send)).fresh

      // Fill it under load, so that writes are torn.
      const clients = Array.from({ length: 4 }, async () => {
        while (refusals.refused.length < 20) await submit()
      })
      const filling = setInterval(() => disk.fill(), 5)
      await Promise.all(clients)
      t.match(await submit(), { status: 503 })
      const reads = ['/formulas', `/formulas/${id}`, '/health/live']
      for (const path of reads) t.match(await ask(url, path), { status: 200, fault: null }, path)
      const ready = await ask(url, '/health/ready')
      t.match(ready, { status: 503, body: { code: 'STORE_UNAVAILABLE' }, fault: null }, 'not ready')
      const full = [files.database === 'small' ? ['db'] : [], files.queue === 'small' ? ['queue'] : []].flat()
      t.same(
        ready.body.details?.map(({ path }) => path),
        full,
      )
      await history.nack(send, [receipts[0]])
      const staleReceipts = await history.ack(send, [receipts[1]])
      if (files.queue === 'large') t.equal(staleReceipts?.size, 0)
      clearInterval(filling)
      count('badInputs', refusals.refused.length)

      disk.remove()
      await until(async () => (await ask(url, '/health/ready')).status === 200)
      await until(async () => (await cleanups(send)).length === 0)
      const stored = new Set((await newestFormulas(send)).fresh.map(({ name }) => name))
      t.same(
        refusals.refused.filter((name) => stored.has(name)),
        [],
        'no refused formula is stored',
      )
      t.same(refusals.unclean, [])
      await history.ack(send, [receipts[1]])
      await history.nack(send, receipts)
      // Events are released late when the disk filled just after a commit point. One event has been acknowledged.
      await until(async () => sumOf(await stats(send, 'default')) === stored.size - 1)
      t.same(await history.judge(send, { whole: true }), [])
      connection.close()
      t.ok(server.runs())
      t.match(await server.kill('SIGTERM'), { code: 0, stderr: [] })
    },
  )
}

const sumOf = ({ ready, leased, delayed, dead }: Stats): number => ready + leased + delayed + dead
