import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { newKey } from '../../support/new-key.ts'
import { post } from '../../support/service-process.ts'
import { until } from '../../support/until.ts'
import { sized } from '../extent.ts'
import { recordPeak } from '../figures.ts'
import { type Server, startServer } from '../server.ts'
import { scratch } from '../stores.ts'
import { OrdinaryClients } from './ordinary-clients.ts'

// One hostile run each, beside ordinary clients, with the options and the memory that the container has.

t.setTimeout(600_000)

const root = join(import.meta.dirname, '..', '..', '..')
const [, ...OPTIONS] = JSON.parse(
  /^CMD (\[.*\])$/m.exec(readFileSync(join(root, 'Dockerfile'), 'utf8'))?.[1] ?? '[]',
) as string[]
const MEMORY_BYTES =
  Number.parseInt(parse(readFileSync(join(root, 'compose.yaml'), 'utf8'))['x-intake'].mem_limit, 10) * 2 ** 20
const CLIENTS = 64
const SECONDS = sized(1.5, 20)
const MIB = 2 ** 20

interface Context {
  server: Server
  path: string
  key: string
  /** False when the run should end. */
  goesOn(): boolean
}

type Hostile = (t: Test, context: Context) => Promise<void>

const json = { 'content-type': 'application/json' }

/** Formulas of almost 1 MiB each. */
const wide = (number: number) => ({
  name: `Wide ${number}`,
  materials: Array.from({ length: 500 }, (_, index) => ({
    name: `${'\u{1f339}'.repeat(190)} ${index}`,
    concentration: `${number}.${index + 1}`,
  })),
})

function say(server: Server, text: string | Buffer): Socket {
  const socket = connect({ port: server.port, host: '127.0.0.1' })
  socket.on('error', () => {})
  socket.write(text)
  return socket
}

/** Keeps `howMany` connections open that send a request each and read nothing. */
async function deaf({ server, goesOn }: Context, howMany: number, text: (index: number) => string | Buffer) {
  const sockets: Socket[] = []
  for (let index = 0; goesOn(); index++) {
    const socket = say(server, text(index)).pause()
    sockets.push(socket)
    if (sockets.length > howMany) sockets.shift()?.destroy()
    await pause(10)
  }
  for (const socket of sockets) socket.destroy()
}

async function fill(server: Server, howMany: number): Promise<void> {
  for (let number = 1; number <= howMany; number++) {
    const answer = await post(server.url, `wide-${number}`, wide(number))
    await answer.arrayBuffer()
  }
}

const PAGE = 'GET /formulas?limit=200 HTTP/1.1\r\nHost: localhost\r\n\r\n'

const submission = (key: string, length: number): string =>
  `POST /formulas HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nIdempotency-Key: ${key}\r\nContent-Length: ${length}\r\n\r\n`

/** Sends requests on `clients` connections until the run ends. @returns the number of answers by status */
async function ask({ server, goesOn }: Context, clients: number, path: () => string, headers = {}) {
  const statuses = new Map<number, number>()
  const client = async (): Promise<void> => {
    while (goesOn()) {
      const status = await new Promise<number>((resolve) => {
        const call = request(`${server.url}${path()}`, { headers }, (answer) => {
          answer.resume().once('close', () => resolve(answer.statusCode ?? 0))
        })
        call.once('error', () => resolve(0)).end()
      })
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  return statuses
}

const runs: Record<string, Hostile> = {
  'pages of 4 MiB that nobody reads': async (_t, context) => {
    await fill(context.server, 12)
    await deaf(context, 200, () => PAGE.repeat(8))
  },

  'pages that are read at 20 kB/s': async (_t, context) => {
    await fill(context.server, 12)
    const sockets = Array.from({ length: 60 }, () => say(context.server, PAGE.repeat(2)).pause())
    while (context.goesOn()) {
      for (const socket of sockets) socket.read(2_000)
      await pause(100)
    }
    for (const socket of sockets) socket.destroy()
  },

  'bodies of 1 MiB whose last byte is held back': async (_t, context) => {
    const body = Buffer.alloc(MIB - 1, ' ')
    await deaf(context, 400, (index) => Buffer.concat([Buffer.from(submission(`held-${index}`, MIB)), body]))
  },

  'many formulas in each of many bodies that wait for one key, while the store is locked': async (_t, context) => {
    const list = Array.from({ length: 1_000 }, (_, index) => ({
      name: `Many ${index}`,
      materials: Array.from({ length: 20 }, (_, at) => ({ name: `m${at}`, concentration: `${index + 1}` })),
    }))
    const body = JSON.stringify(list)
    const other = new DatabaseSync(context.path, { timeout: 5_000 })
    other.exec('BEGIN IMMEDIATE')
    const text = `${submission('one-key', Buffer.byteLength(body))}${body}`
    const ended = pause(Math.min(SECONDS * 1_000, 5_000)).then(() => other.close())
    await deaf(context, 300, () => text)
    await ended
  },

  'repeats of one large submission, the answers unread': async (_t, context) => {
    const body = JSON.stringify(wide(1))
    await fill(context.server, 1)
    await deaf(context, 200, () => `${submission('wide-1', Buffer.byteLength(body))}${body}`.repeat(2))
  },

  'duplicates that are skipped, spelled shortly where the stored ones are long': async (_t, context) => {
    const spelled = (blanks: string) =>
      Array.from({ length: 20 }, (_, index) => ({
        name: `Skipped ${index}`,
        materials: Array.from({ length: 200 }, (_, at) => ({
          name: `a${blanks}b${at}`,
          concentration: `${index + 1}`,
        })),
      }))
    await (await post(context.server.url, 'long', spelled('\u3000'.repeat(185)))).arrayBuffer()
    const body = JSON.stringify(spelled(' '))
    const head = (index: number) =>
      submission(`skip-${index}`, Buffer.byteLength(body)).replace('/formulas', '/formulas?onDuplicate=skip')
    await deaf(context, 100, (index) => `${head(index)}${body}`)
  },

  'names that grow when they are normalised': async (_t, context) => {
    const names = Array.from({ length: 400 }, (_, at) => ({ name: `${'\ufdfa'.repeat(190)}${at}`, concentration: '1' }))
    const body = JSON.stringify({ name: 'Hostile', materials: names })
    const connections = [0, 1, 2, 3]
    const client = async (number: number): Promise<void> => {
      for (let index = 0; context.goesOn(); index++) {
        const headers = { ...json, 'idempotency-key': `hostile-${number}-${index}` }
        await (await fetch(`${context.server.url}/formulas`, { method: 'POST', headers, body })).arrayBuffer()
        await pause(100)
      }
    }
    await Promise.all(connections.map(client))
  },

  'searches by name, and probes': async (t, context) => {
    const searches = ask(context, 100, () => '/formulas?name=o&limit=200')
    const probes = await ask(context, 50, () => '/health/ready')
    t.same([...probes.keys()], [200], 'it is ready all the while')
    t.same([...(await searches).keys()], [200])
  },

  'wrong keys': async (t, context) => {
    const guesses = await ask(context, 20, () => '/formulas', { authorization: 'Bearer ffi_guess' })
    t.same([...guesses.keys()], [401])
  },

  'connections that only stay': async (_t, context) => {
    await deaf(context, 3_000, () => 'GET /formulas HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')
  },
}

async function hold(t: Test, name: string, hostile: Hostile): Promise<void> {
  const folder = scratch(t)
  const path = join(folder, 'formulas.db')
  const keys = join(folder, 'keys.json')
  const key = newKey(keys, 'ordinary', 'submit')
  const guarded = name === 'wrong keys' ? { API_KEYS_FILE: keys } : {}
  const options = OPTIONS.slice(0, -1)
  const server = await startServer(t, { environment: { DATABASE_URL: `sqlite:${path}`, ...guarded }, options })
  let most = 0
  const watch = setInterval(() => {
    most = Math.max(most, server.memory())
  }, 20)
  t.teardown(() => clearInterval(watch))
  const others = new OrdinaryClients(server.url, { submitters: CLIENTS, pauseMs: 50, key })
  await until(() => others.submitted >= CLIENTS)
  const end = Date.now() + SECONDS * 1_000
  await hostile(t, { server, path, key, goesOn: () => Date.now() < end })
  const { submitted, slowestMs, wrong } = await others.stop()
  clearInterval(watch)
  t.same(wrong, [], 'the others are served')
  const mebibytes = Math.ceil(most / MIB)
  t.ok(most < MEMORY_BYTES, `at most ${mebibytes} MiB, ${submitted} others served, the slowest in ${slowestMs} ms`)
  recordPeak({ hostile: name, mebibytes, served: submitted, slowestMs })
  const { code, stdout } = await server.kill('SIGTERM')
  t.equal(code, 0)
  const refusals = stdout.filter((line) => line.includes('A call was refused'))
  t.ok(refusals.length <= 10 * (SECONDS + 10), `${refusals.length} lines about refused calls`)
}

for (const [name, hostile] of Object.entries(runs))
  t.test(`${name}: memory stays within the limit of the container, and ordinary clients are served`, (t) =>
    hold(t, name, hostile),
  )
