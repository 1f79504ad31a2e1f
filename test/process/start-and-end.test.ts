import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Test, test } from 'tap'

const SERVER = join(import.meta.dirname, '../../src/server.ts')

function start(t: Test, env: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn(process.execPath, [SERVER], {
    env: { ...process.env, DATABASE_URL: 'memory:', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

/** Waits for the end of a process that should not start. */
async function refusal(child: ChildProcess): Promise<{ code: number; lines: string[] }> {
  const [error, [code]] = await Promise.all([text(child.stderr as never), once(child, 'close')])
  return { code, lines: error.trimEnd().split('\n') }
}

/** Waits for the log line with the address of the server. */
async function address(child: ChildProcess): Promise<{ url: string; line: string }> {
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    const line = chunk.toString()
    const url = /listening at (http:\/\/[\d.:]+)/.exec(line)?.[1]
    if (url !== undefined) return { url, line }
  }
  throw new Error('It ended without listening')
}

test('the first log line names the address and all destinations without secrets; SIGINT ends with 0', async (t) => {
  const child = start(t, {
    SQS_QUEUE_URL: 'http://127.0.0.1:9/000000000000/formulas',
    AWS_REGION: 'us-east-1',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:10/token',
  })
  const { url, line } = await address(child)
  t.match(line, /database in memory, queue in memory/)
  t.match(
    line,
    `events of default are forwarded to 127.0.0.1:9; traces go to 127.0.0.1:10; metrics go to 127.0.0.1:10; console at ${url}/`,
  )
  t.notMatch(line, 'token')
  t.same(await (await fetch(`${url}/health/live`)).json(), { status: 'ok' })
  child.kill('SIGINT')
  t.same(await once(child, 'exit'), [0, null])
})

test('HOST=localhost serves by 127.0.0.1 alone, within all bounds, whatever else the name stands for', async (t) => {
  // On Linux, 127.0.0.2 stands in for ::1, which not every machine has.
  const dir = t.testdir({
    'hosts.mjs': `
      import dns from 'node:dns'
      const { lookup } = dns
      const addresses = ['127.0.0.2', '127.0.0.1'].map((address) => ({ address, family: 4 }))
      dns.lookup = (name, options, done = options) => {
        if (name !== 'localhost') lookup(name, options, done)
        else process.nextTick(() => (options.all ? done(null, addresses) : done(null, '127.0.0.2', 4)))
      }`,
  })
  const child = start(t, { HOST: 'localhost', NODE_OPTIONS: `--import=${dir}/hosts.mjs` })
  const { url } = await address(child)
  t.match(url, 'http://127.0.0.1:')
  t.match(await (await fetch(`${url}/metrics`)).text(), /^intake_connections 1$/m, 'its connections are counted')
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\nExpect: wonders\r\nConnection: close\r\n\r\n')
  t.match(await text(socket), /^HTTP\/1.1 417 .*"code":"EXPECTATION_FAILED"/s)
  const elsewhere = connect(Number(new URL(url).port), '127.0.0.2')
  await t.rejects(once(elsewhere, 'connect'), { code: 'ECONNREFUSED' })
})

test('a bad configuration stops the start with one line for each problem', async (t) => {
  const { code, lines } = await refusal(start(t, { PORT: 'x', EVENT_MAX_RECEIVES: '0', HOST: '0.0.0.0' }))
  t.equal(code, 1)
  t.same(lines, [
    'PORT="x": must be an integer from 0 to 65535',
    'EVENT_MAX_RECEIVES="0": must be an integer from 1 to 1000',
    'HOST="0.0.0.0": is not a loopback address; set API_KEYS_FILE, or ALLOW_ANONYMOUS=true to serve callers without keys there',
  ])
})

test('a port that is taken stops the start with one line', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  const { code, lines } = await refusal(start(t, { PORT: String(port) }))
  t.equal(code, 1)
  t.match(lines, [/^Cannot listen: .*EADDRINUSE/])
  t.equal(lines.length, 1)
})

test('an uncaught error is logged and ends the process with 1', async (t) => {
  const dir = t.testdir({ 'crash.mjs': 'process.on("SIGWINCH", () => { throw new Error("boom") })' })
  const child = start(t, { NODE_OPTIONS: `--import=${dir}/crash.mjs` })
  const log: string[] = []
  child.stdout?.on('data', (chunk: Buffer) => {
    log.push(chunk.toString())
    if (/listening/.test(log.join(''))) child.kill('SIGWINCH')
  })
  const [code] = await once(child, 'close')
  t.equal(code, 1)
  t.match(log.join(''), /"level":60.*boom/)
})
