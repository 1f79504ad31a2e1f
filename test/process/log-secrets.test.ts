import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { newKey } from '../support/new-key.ts'
import { startService } from '../support/service-process.ts'

const NAME = 'Secret of the House'
const MATERIAL = 'Unobtainium Absolute'
/** Node's JSON errors quote only the beginning of the text. */
const BEGINNING = MATERIAL.slice(0, 8)
const AMOUNT = '7654321.1234567'
const IDEMPOTENCY_KEY = 'order-of-a-secret-customer'
const UNKNOWN_KEY = 'ffi_this-is-a-key-that-was-mistyped'
const PASSWORD = 'correct-horse-battery'

const ROSE = { name: NAME, materials: [{ name: MATERIAL, concentration: AMOUNT }] }

/** One body that is accepted, and one for each kind of refusal. */
const BODIES = [
  JSON.stringify(ROSE),
  JSON.stringify([ROSE, ROSE]),
  JSON.stringify(ROSE).slice(0, -3),
  `${MATERIAL} is no JSON`,
  JSON.stringify({ ...ROSE, [MATERIAL]: NAME }),
  JSON.stringify({ name: NAME, materials: [{ name: MATERIAL, concentration: `${AMOUNT} %` }] }),
  JSON.stringify({ name: NAME, materials: MATERIAL }),
  JSON.stringify({ ...ROSE, name: NAME.repeat(2_000) }),
  Buffer.concat([Buffer.from(JSON.stringify(ROSE)), Buffer.from([0xff])]),
]

/** Damages the body of an event, so that it cannot be read, as a disk might. */
function damageEvent(path: string): void {
  const file = new DatabaseSync(path)
  file.exec(`UPDATE events SET body = '${MATERIAL} ${AMOUNT}'`)
  file.close()
}

/** Sends malformed HTTP that contains secrets; no library would. */
async function sendRaw(url: string, head: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  await once(socket, 'connect')
  socket.write(head)
  return text(socket)
}

interface Sending {
  url: string
  authorization: string
}

async function submitAll({ url, authorization }: Sending): Promise<number[]> {
  const statuses: number[] = []
  for (const [number, body] of BODIES.entries()) {
    const headers = {
      'content-type': 'application/json',
      'idempotency-key': `${IDEMPOTENCY_KEY}-${number}`,
      authorization,
    }
    statuses.push((await fetch(`${url}/formulas`, { method: 'POST', headers, body })).status)
  }
  return statuses
}

async function askAll({ url, authorization }: Sending): Promise<number[]> {
  const search = encodeURIComponent(NAME)
  const paths = [`/formulas?name=${search}`, '/formulas?limit=1', `/nope/${search}?x=${search}`, `/%zz${search}`]
  const statuses: number[] = []
  for (const path of paths) statuses.push((await fetch(`${url}${path}`, { headers: { authorization } })).status)
  return statuses
}

/** @returns the lines that contain a secret */
function leaked(said: string[], secrets: string[]): string[] {
  return said.filter((line) => secrets.some((secret) => line.includes(secret)))
}

function guard(t: Test): { environment: Record<string, string>; key: string; path: string } {
  const directory = t.testdir()
  const path = join(directory, 'formulas.db')
  const keys = join(directory, 'keys.json')
  const key = newKey(keys, 'ops', 'admin')
  return { path, key, environment: { DATABASE_URL: `sqlite:${path}`, API_KEYS_FILE: keys, LOG_LEVEL: 'trace' } }
}

t.test(
  'no line at any level holds a key, a header or a part of a formula, whatever is sent and whatever fails',
  async (t) => {
    const { environment, key, path } = guard(t)
    const first = await startService(t, environment)
    const known = { url: first.url, authorization: `Bearer ${key}` }
    t.same(await submitAll(known), [200, 409, 400, 400, 400, 400, 400, 400, 400])
    t.same(await askAll(known), [200, 200, 404, 400])
    for (const authorization of [`Bearer ${UNKNOWN_KEY}`, `Basic ${btoa(`ops:${PASSWORD}`)}`, PASSWORD]) {
      t.same(new Set(await submitAll({ url: first.url, authorization })), new Set([401]))
    }
    await sendRaw(first.url, `GET /formulas?name=${MATERIAL} HTTP/1.1\r\nAuthorization: Bearer ${key}\r\n\r\n`)
    await sendRaw(
      first.url,
      `POST /formulas HTTP/1.1\r\nHost: localhost\r\nExpect: ${PASSWORD}\r\nIdempotency-Key: ${IDEMPOTENCY_KEY}\r\n\r\n`,
    )
    const ended = await first.kill('SIGTERM')

    damageEvent(path)
    const second = await startService(t, environment)
    t.same(await askAll({ ...known, url: second.url }), [200, 200, 404, 400])
    const { authorization } = known
    const received = await fetch(`${second.url}/events/receive`, { method: 'POST', headers: { authorization } })
    t.equal(received.status, 500)
    const failed = await second.kill('SIGTERM')

    const said = [ended, failed].flatMap(({ stdout, stderr }) => [...stdout, ...stderr])
    t.ok(said.length > 40, 'it says much')
    const lines = [ended, failed].flatMap(({ stdout }) => stdout.map((line) => JSON.parse(line)))
    const answered = { level: 30, route: '/formulas', status: 200, submission: /^[\w-]{36}$/ }
    t.match(
      lines.find(({ msg }) => msg === 'answered'),
      answered,
      'each line is JSON',
    )
    t.same(
      [ended, failed].flatMap(({ stderr }) => stderr),
      [],
    )
    t.match(said.join('\n'), /is not valid JSON/, 'also of what could not be read')
    const secrets = [NAME, BEGINNING, AMOUNT, IDEMPOTENCY_KEY, key, UNKNOWN_KEY, PASSWORD, btoa(`ops:${PASSWORD}`)]
    t.same(leaked(said, [...secrets, encodeURIComponent(NAME)]), [])
  },
)
