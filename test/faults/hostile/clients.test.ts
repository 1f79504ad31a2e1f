import { join } from 'node:path'
import t, { type Test } from 'tap'
import { post } from '../../support/service-process.ts'
import { until } from '../../support/until.ts'
import { isLong, sized } from '../extent.ts'
import { count } from '../figures.ts'
import { type Server, startServer } from '../server.ts'
import { faultIn } from './answers.ts'
import { type BadRequest, badRequests, head, type Subject, subject } from './bad-requests.ts'
import { OrdinaryClients } from './ordinary-clients.ts'
import { type Accepted, deadKeys, everyName, sendAll } from './sending.ts'
import { variations } from './variations.ts'
import { exchange, type Line, open, SlowRequests } from './wire.ts'

t.setTimeout(600_000)

/** How much the memory of the process may grow. */
const GROWTH_BYTES = 512 * 2 ** 20
const SLOW = 200
const LIMIT_BYTES = 1_048_576
/** Names of formulas in good submissions. */
const FRIENDLY = /^(?:Ordinary|Afterwards) \d+$|^\u{1d4b3}{195}\d{5}$/u
const RUBBISH = [
  '\0\0\0\0',
  'GET\r\n\r\n',
  '{"name":1}',
  '\x16\x03\x01\x02\x00',
  'POST /formulas HTTP/1.1\r\nContent-Length: x\r\n\r\n',
  'GET /formulas HTTP/1.1 \r\nHost\r\n\r\n',
]

let numbers = 0
/** Reserves a range of numbers. @returns the first */
const numbered = (howMany: number): number => {
  const first = numbers + 1
  numbers += howMany
  return first
}

t.test('whatever clients send, the others are served, and nothing refused leaves a trace', async (t) => {
  const environment = { DATABASE_URL: `sqlite:${join(t.testdir(), 'formulas.db')}` }
  const server = await startServer(t, { environment })
  const others = new OrdinaryClients(server.url, { submitters: 3, consumers: 2, pauseMs: 20 })
  await until(() => others.submitted >= 50)
  const memory = { before: server.memory(), most: 0 }
  const watch = setInterval(() => {
    memory.most = Math.max(memory.most, server.memory())
  }, 50)
  t.teardown(() => clearInterval(watch))
  const accepted: Accepted = []
  const context = { server, accepted }

  const slowRequests = await startSlowRequests(server.port)
  await t.test('connections that send nothing', (t) => silence(t, context))
  await t.test('requests that are broken, or meant to break something', (t) => named(t, context))
  await t.test('requests that vary at random', (t) => varied(t, context))
  await t.test('hang-ups at every stage, then the same key again', (t) => hangUps(t, context))
  await t.test('garbage between good requests', (t) => garbage(t, context))
  await t.test('bodies that never end', (t) => endless(t, context))
  await t.test('the largest submissions allowed', (t) => largest(t, server.url))
  await t.test(`${SLOW} slow headers and ${SLOW} slow bodies`, (t) => slow(t, slowRequests))

  clearInterval(watch)
  const { submitted, slowestMs, wrong, missing } = await others.stop()
  t.same({ wrong, missing }, { wrong: [], missing: [] }, `${submitted} normal submissions, the slowest ${slowestMs} ms`)
  t.ok(submitted > 100)
  t.ok(server.runs(), 'the process is still the same')
  const grown = Math.max(memory.most, server.memory()) - memory.before
  t.ok(grown < GROWTH_BYTES, `grown by ${Math.round(grown / 2 ** 20)} MiB`)
  const hostile = (await everyName(server.url)).filter((name) => !FRIENDLY.test(name))
  t.same(hostile.sort(), accepted.sort(), 'stored is what was answered 200, and once')
  t.match(await server.kill('SIGTERM'), { code: 0, stderr: [] })
})

interface Context {
  server: Server
  accepted: Accepted
}

async function silence(t: Test, { server }: Context): Promise<void> {
  for (let round = 0; round < sized(1, 10); round++) {
    const lines: Line[] = await Promise.all(Array.from({ length: sized(500, 1_000) }, () => open(server.port)))
    t.equal((await fetch(`${server.url}/health/ready`)).status, 200)
    t.equal(lines.filter(({ socket }) => socket.destroyed).length, 0)
    for (const { socket } of lines) socket.destroy()
    count('badInputs', lines.length)
  }
}

async function named(t: Test, { server, accepted }: Context): Promise<void> {
  for (let round = 0; round < sized(1, 15); round++) {
    const refused = await sendAll(t, server.port, badRequests(numbered(1_000)), accepted)
    await keysAreFree(t, server, refused)
  }
}

async function varied(t: Test, { server, accepted }: Context): Promise<void> {
  const howMany = sized(500, 12_000)
  const refused = await sendAll(t, server.port, variations(numbered(howMany), howMany), accepted)
  await keysAreFree(t, server, refused)
}

async function keysAreFree(t: Test, { url }: Server, refused: BadRequest[]): Promise<void> {
  const keys = refused.map(({ key }) => key)
  t.same(await deadKeys(url, keys), [], `the keys of ${keys.length} refused requests are as good as new`)
}

/** Hangs up after each part of a submission and sends it again: it must be stored once. */
async function hangUps(t: Test, { server, accepted }: Context): Promise<void> {
  const rounds = sized(2, 40)
  const cuts = 24
  for (let round = 0; round < rounds; round++) {
    const first = numbered(cuts)
    const ends = Array.from({ length: cuts }, async (_, index) => {
      const about = subject(first + index)
      const whole = `${head(about, [`Content-Length: ${about.body.length}`])}${about.body}`
      const at = Math.ceil((whole.length * (index + 1)) / cuts)
      const { socket } = await open(server.port)
      socket.write(whole.slice(0, at), () => (index % 2 === 0 ? socket.resetAndDestroy() : socket.destroy()))
      const answer = await post(server.url, about.key, JSON.parse(about.body))
      const text = await answer.text()
      accepted.push(about.title)
      return answer.status === 200 ? [] : [`cut after ${at} of ${whole.length}: ${answer.status} ${text}`]
    })
    t.same((await Promise.all(ends)).flat(), [], `${cuts} hang-ups`)
  }
  count('badInputs', rounds * cuts)
}

/** A good request, garbage and another good request on one connection: nothing after the garbage is read. */
async function garbage(t: Test, { server, accepted }: Context): Promise<void> {
  const rounds = sized(5, 100)
  const first = numbered(2 * rounds * RUBBISH.length)
  const ends = Array.from({ length: rounds * RUBBISH.length }, async (_, index) => {
    const rubbish = RUBBISH[index % RUBBISH.length] as string
    const good = [first + 2 * index, first + 2 * index + 1].map(subject) as [Subject, Subject]
    const requests = good.map(
      (it) => `${head(it, [`Content-Length: ${it.body.length}`]).replace('close', 'keep-alive')}${it.body}`,
    )
    const { answers, rest } = await exchange(server.port, [`${requests[0]}${rubbish}${requests[1]}`])
    if (answers[0]?.status === 200) accepted.push(good[0].title)
    const faults = answers.map(faultIn).filter((fault) => fault !== null)
    const statuses = answers.map(({ status }) => status).join()
    return statuses === '200,400' && rest === '' && faults.length === 0 ? [] : [{ rubbish, statuses, rest, faults }]
  })
  t.same((await Promise.all(ends)).flat(), [], `${ends.length} times`)
  count('badInputs', ends.length)
}

/** Bodies over the limit are refused while they are being sent. */
async function endless(t: Test, { server }: Context): Promise<void> {
  const block = Buffer.alloc(65_536, 0x20)
  const kinds: [string, Buffer][] = [
    ['Transfer-Encoding: chunked', Buffer.concat([Buffer.from('10000\r\n'), block, Buffer.from('\r\n')])],
    ['Content-Length: 1000000000000', block],
  ]
  for (let round = 0; round < sized(10, 100); round++) {
    const sent = kinds.map(async ([line, piece]) => {
      const pieces = [head(subject(numbered(1)), [line]), ...Array.from({ length: 640 }, () => piece)]
      return (await exchange(server.port, pieces)).answers
    })
    for (const answers of await Promise.all(sent)) {
      // A client that is still sending when the connection closes may lose the answer, as with any server.
      if (answers.length > 0) t.match(answers, [{ status: 413 }])
      t.same(
        answers.map(faultIn),
        answers.map(() => null),
      )
    }
    count('badInputs', kinds.length)
  }
}

async function startSlowRequests(port: number): Promise<SlowRequests[]> {
  const about = subject(numbered(1))
  return [
    await SlowRequests.start(
      port,
      SLOW,
      (index) => `POST /formulas HTTP/1.1\r\nHost: localhost\r\nX-Slow-${index}: `,
      'x',
    ),
    await SlowRequests.start(
      port,
      SLOW,
      (index) => {
        const it = { ...about, key: `${about.key}-${index}` }
        return `${head(it, [`Content-Length: ${LIMIT_BYTES}`])}${about.body}`
      },
      ' ',
    ),
  ]
}

/** They have been open from the start. Only the long run waits until the server ends them. */
async function slow(t: Test, slowRequests: SlowRequests[]): Promise<void> {
  if (isLong) await Promise.all(slowRequests.map((each) => each.cutOff()))
  for (const { answers, rest } of slowRequests.flatMap((each) => each.stop())) {
    if (rest !== '' || answers.some((answer) => answer.status !== 408 || faultIn(answer) !== null)) {
      t.fail('neither nothing nor 408', { answers, rest })
    }
    if (isLong && answers.length !== 1) t.fail('cut off without an answer')
  }
  count('badInputs', 2 * SLOW)
}

/** Four bytes a character, different for each number. */
const longName = (number: number): string => `${'\u{1d4b3}'.repeat(195)}${String(number).padStart(5, '0')}`

/** Submissions at the limits of the contract are accepted like others. */
async function largest(t: Test, url: string): Promise<void> {
  const list = Array.from({ length: 1_000 }, (_, i) => ({
    name: longName(i),
    materials: [{ name: `m${i}`, concentration: '999999999999.999999999999' }],
  }))
  const many = {
    name: longName(500),
    materials: Array.from({ length: 500 }, (_, i) => ({ name: longName(i), concentration: `0.${'0'.repeat(11)}1` })),
  }
  for (const [key, body] of [
    ['list', list],
    ['materials', many],
  ] as const) {
    const answer = await post(url, `largest-${key}`, body)
    t.equal(answer.status, 200, key)
    const text = await answer.text()
    const { formulas } = JSON.parse(text) as { formulas: { name: string; materials: { name: string }[] }[] }
    t.equal(formulas.length, [body].flat().length)
    t.same(formulas.at(-1)?.materials.at(-1)?.name, [body].flat().at(-1)?.materials.at(-1)?.name)
    t.equal(await (await post(url, `largest-${key}`, body)).text(), text, 'and replayed byte for byte')
  }
}
