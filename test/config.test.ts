import { resolve } from 'node:path'
import { test } from 'tap'
import { ConfigError, readConfig, variables } from '../src/config/config.ts'
import type { Variable } from '../src/config/variable.ts'
import { problemsOf } from './support/problems-of.ts'

test('without any variable the documented defaults hold', async (t) => {
  const store = { engine: 'sqlite', path: resolve('data/formulas.db') }
  t.same(readConfig({}), {
    host: '127.0.0.1',
    port: 3000,
    logLevel: 'info',
    database: store,
    queue: store,
    sinks: [],
    webhooks: { secretsFile: null, allowsPrivate: false },
    eventSource: '/formulas',
    otlpEndpoint: null,
    otlpMetrics: null,
    apiKeysFile: null,
    allowedHosts: [],
    corsOrigins: [],
    trustedProxies: [],
    submitRetries: 3,
    submitRetryBaseMs: 1000,
    submitRetryMaxMs: 10_000,
    submitDeadlineMs: 30_000,
    idempotencyTtlHours: 24,
    idempotencyWaitMs: 10_000,
    eventLeaseSeconds: 30,
    eventMaxLeaseSeconds: 43_200,
    eventMaxReceives: 5,
    eventRetentionHours: 168,
    bodyLimitBytes: 1_048_576,
    rateLimitPerMinute: 0,
  })
})

test('every variable tells its default, its values and its purpose', async (t) => {
  const all = Object.entries<Variable<unknown>>(variables)
  for (const [name, { default: fallback, expected, description, read }] of all) {
    t.match(name, /^[A-Z_]+$/)
    t.match(description, /^[A-Z].+[^.]$/)
    t.not(expected, '')
    if (fallback !== null) t.doesNotThrow(() => read(fallback))
  }
})

const ranges: [name: string, min: number, max: number][] = [
  ['PORT', 0, 65_535],
  ['SUBMIT_RETRIES', 1, 20],
  ['SUBMIT_RETRY_BASE_MS', 1, 3_600_000],
  ['SUBMIT_RETRY_MAX_MS', 1, 3_600_000],
  ['SUBMIT_DEADLINE_MS', 1, 3_600_000],
  ['IDEMPOTENCY_WAIT_MS', 1, 3_600_000],
  ['IDEMPOTENCY_TTL_HOURS', 1, 8760],
  ['EVENT_LEASE_SECONDS', 1, 43_200],
  ['EVENT_MAX_RECEIVES', 1, 1000],
  ['BODY_LIMIT_BYTES', 1024, 67_108_864],
]

for (const [name, min, max] of ranges) {
  test(`${name} is an integer from ${min} to ${max}, written in digits`, async (t) => {
    t.same(problemsOf(t, { [name]: String(min) }), [])
    t.same(problemsOf(t, { [name]: String(max) }), [])
    for (const value of [String(min - 1), String(max + 1), '5 5', '5.0', '1e1', '0x10', '+5', 'five']) {
      t.same(problemsOf(t, { [name]: value }), [
        `${name}=${JSON.stringify(value)}: must be an integer from ${min} to ${max}`,
      ])
    }
  })
}

test('EVENT_MAX_LEASE_SECONDS is an integer up to 43200, and not below EVENT_LEASE_SECONDS', async (t) => {
  t.equal(readConfig({ EVENT_LEASE_SECONDS: '1', EVENT_MAX_LEASE_SECONDS: '1' }).eventMaxLeaseSeconds, 1)
  for (const EVENT_MAX_LEASE_SECONDS of ['0', '43201', '1.5', 'five']) {
    t.match(problemsOf(t, { EVENT_MAX_LEASE_SECONDS }), [/: must be an integer from 1 to 43200$/])
  }
  t.same(problemsOf(t, { EVENT_MAX_LEASE_SECONDS: '29' }), [
    'EVENT_MAX_LEASE_SECONDS="29": must not be below EVENT_LEASE_SECONDS (30)',
  ])
  t.same(problemsOf(t, { EVENT_MAX_LEASE_SECONDS: '29', EVENT_LEASE_SECONDS: '29' }), [])
})

test('every bad value is told at once, one line each', async (t) => {
  const env = { PORT: 'x\ny', LOG_LEVEL: 'loud', ALLOW_ANONYMOUS: 'yes', HOST: 'a/b', DATABASE_URL: 'mysql:x' }
  const problems = problemsOf(t, env)
  t.same(problems, [
    'HOST="a/b": must be a host name or an IP address',
    'PORT="x\\ny": must not hold control characters, line ends included',
    'LOG_LEVEL="loud": must be one of fatal, error, warn, info, debug, trace, silent',
    'DATABASE_URL="…": must be sqlite:<path>, postgres://… or memory:',
    'ALLOW_ANONYMOUS="yes": must be one of true, false',
  ])
  t.equal(new ConfigError(problems).message, problems.join('\n'))
})

test('a URL of PostgreSQL is taken, and what is wrong with one is told without its password', async (t) => {
  const { database, queue } = readConfig({ DATABASE_URL: 'postgresql://user:secret@DB:6432/formulas' })
  t.match(database, { engine: 'postgres', place: 'postgres://db:6432/formulas' })
  t.same(queue, database)
  for (const url of ['postgres:formulas', 'postgres://', 'postgres://user:secret@db:x/formulas']) {
    const [problem, ...others] = problemsOf(t, { DATABASE_URL: url })
    t.match(problem, /^DATABASE_URL=/)
    t.notMatch(problem, /secret/)
    t.same(others, [])
  }
})

test('the collector of traces is a web address', async (t) => {
  const url = 'https://collector.example:4318'
  t.equal(readConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: url }).otlpEndpoint, url)
  const intervalMs = 60_000
  t.same(readConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: `${url}/` }).otlpMetrics, { url: `${url}/v1/metrics`, intervalMs })
  const own = { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://metrics:4318/push', OTEL_METRIC_EXPORT_INTERVAL: '5000' }
  t.same(readConfig(own).otlpMetrics, { url: 'http://metrics:4318/push', intervalMs: 5000 })
  t.equal(readConfig({ ...own, OTEL_METRICS_EXPORTER: 'none' }).otlpMetrics, null)
  t.equal(readConfig({}).otlpMetrics, null)
  const wrong = 'OTEL_EXPORTER_OTLP_ENDPOINT="…": must be an http:// or https:// URL'
  t.same(problemsOf(t, { OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318' }), [wrong])
})

test('RATE_LIMIT_PER_MINUTE is an integer of 0 or more', async (t) => {
  t.equal(readConfig({ RATE_LIMIT_PER_MINUTE: '100000000' }).rateLimitPerMinute, 100_000_000)
  for (const RATE_LIMIT_PER_MINUTE of ['-1', '1.5', '1e3', '5 5', '9'.repeat(16)]) {
    t.match(problemsOf(t, { RATE_LIMIT_PER_MINUTE }), [/: must be an integer of 0 or more$/])
  }
})

test('a file of keys is named by its path, which is never taken for none', async (t) => {
  t.equal(readConfig({ API_KEYS_FILE: './my keys.json' }).apiKeysFile, './my keys.json')
  t.same(problemsOf(t, { API_KEYS_FILE: '' }), ['API_KEYS_FILE="": must be a path'])
})

test('an address other than loopback is refused unless there are keys or anonymous callers are allowed', async (t) => {
  for (const HOST of ['127.0.0.1', '127.9.9.9', '::1', '[::1]', 'localhost', 'LOCALHOST'])
    t.same(problemsOf(t, { HOST }), [])
  for (const HOST of ['0.0.0.0', '::', '[::]', '10.0.0.1', '128.0.0.1', 'example.org', 'localhost.evil.org']) {
    t.match(problemsOf(t, { HOST }), [
      /^HOST=".*": is not a loopback address; set API_KEYS_FILE, or ALLOW_ANONYMOUS=true/,
    ])
    t.equal(problemsOf(t, { HOST, ALLOW_ANONYMOUS: 'false' }).length, 1)
    t.same(problemsOf(t, { HOST, ALLOW_ANONYMOUS: 'true' }), [])
    t.same(problemsOf(t, { HOST, API_KEYS_FILE: './keys.json' }), [])
  }
})

test('the queue is where the database is unless it is told apart', async (t) => {
  t.same(readConfig({ DATABASE_URL: 'memory:' }).queue, { engine: 'memory' })
  const { database, queue } = readConfig({ DATABASE_URL: 'sqlite:/tmp/a.db', QUEUE_URL: 'sqlite:/tmp/b.db' })
  t.same(
    [database, queue],
    [
      { engine: 'sqlite', path: '/tmp/a.db' },
      { engine: 'sqlite', path: '/tmp/b.db' },
    ],
  )
})

test('a database in memory with a durable queue is refused, the other way round is not', async (t) => {
  const problems = problemsOf(t, { DATABASE_URL: 'memory:', QUEUE_URL: 'sqlite:/tmp/queue.db' })
  t.same(problems, ['QUEUE_URL: a durable queue needs a durable database, but DATABASE_URL is memory:'])
  t.same(problemsOf(t, { DATABASE_URL: 'sqlite:/tmp/a.db', QUEUE_URL: 'memory:' }), [])
})

test('a variable that is set but empty counts as unset', async (t) => {
  const guards = ['API_KEYS_FILE', 'ALLOWED_HOSTS', 'DATABASE_URL', 'QUEUE_URL']
  const others = Object.keys(variables).filter((name) => !guards.includes(name))
  for (const empty of ['', ' ', ' \t ']) {
    t.same(readConfig(Object.fromEntries(others.map((name) => [name, empty]))), readConfig({}))
    for (const name of guards)
      t.match(problemsOf(t, { [name]: empty }), [`${name}="": must `], 'but never opens anything')
  }
})

test('blanks around a value are dropped, control characters in it refused', async (t) => {
  t.match(readConfig({ PORT: ' 80\t', HOST: ' ::1 ', DATABASE_URL: '  memory: ' }), {
    port: 80,
    host: '::1',
    database: { engine: 'memory' },
  })
  for (const value of ['80\n', '80\r', '\x0080', '8\t0', '80\x7f', '80\x9b']) {
    for (const name of Object.keys(variables)) {
      const [problem, ...others] = problemsOf(t, { [name]: value })
      t.match(problem, /: must not hold control characters, line ends included$/, name)
      t.notMatch(problem, /\p{Cc}/u)
      t.same(others, [])
    }
  }
})

test('words are read in any case', async (t) => {
  t.equal(readConfig({ LOG_LEVEL: 'WARN' }).logLevel, 'warn')
  for (const ALLOW_ANONYMOUS of ['TRUE', 'True']) t.same(problemsOf(t, { HOST: '0.0.0.0', ALLOW_ANONYMOUS }), [])
  t.equal(problemsOf(t, { HOST: '0.0.0.0', ALLOW_ANONYMOUS: 'FALSE' }).length, 1)
})

test('brackets around an IPv6 address to listen on are dropped, and belong to nothing else', async (t) => {
  t.equal(readConfig({ HOST: '[::1]' }).host, '::1')
  for (const HOST of ['[]', '[localhost]', '[127.0.0.1]']) {
    t.match(problemsOf(t, { HOST }), [/: must be a host name or an IP address$/])
  }
})

test('hosts and proxies are lists, with blanks or commas between', async (t) => {
  const ALLOWED_HOSTS = 'Formulas.Example,localhost  ::1, [::5] ,10.0.0.1'
  t.same(readConfig({ ALLOWED_HOSTS }).allowedHosts, ['formulas.example', 'localhost', '[::1]', '[::5]', '10.0.0.1'])
  const wrongHosts = [...'a:80 [::1]:80 http://a * *.a.example a/b a..b ä.example a@b ,'.split(' '), 'ok !']
  for (const host of wrongHosts) {
    const problem = /^ALLOWED_HOSTS=".*": must be host names or IP addresses, without ports$/
    t.match(problemsOf(t, { ALLOWED_HOSTS: host }), [problem], host)
  }
  const CORS_ORIGINS = 'https://App.example https://app.example:443, http://localhost:5173'
  const origins = ['https://app.example', 'https://app.example', 'http://localhost:5173']
  t.same(readConfig({ CORS_ORIGINS }).corsOrigins, origins)
  for (const origin of [
    'app.example',
    'https://app.example/',
    'ftp://a',
    'null',
    'https://',
    'https://a/b',
    'https://u@a',
  ]) {
    const problem = /^CORS_ORIGINS=".*": must be origins such as https:\/\/app.example$/
    t.match(problemsOf(t, { CORS_ORIGINS: origin }), [problem], origin)
  }
  t.match(problemsOf(t, { CORS_ORIGINS: '*' }), [/^CORS_ORIGINS="\*": needs API_KEYS_FILE/])
  t.same(readConfig({ CORS_ORIGINS: '*', API_KEYS_FILE: 'keys.json' }).corsOrigins, ['*'])
  const TRUSTED_PROXIES = '10.0.0.0/8, ::1 fd00::/8,192.168.1.5'
  t.same(readConfig({ TRUSTED_PROXIES }).trustedProxies, ['10.0.0.0/8', '::1', 'fd00::/8', '192.168.1.5'])
  const wrongNetworks = '10.0.0.0/33 0.0.0.0/0 ::/0 ::1/129 10.0.0 proxy true 1 10.0.0.0/ 10/8 ,'.split(' ')
  for (const network of wrongNetworks) {
    const problem = /^TRUSTED_PROXIES=".*": must be IP addresses or networks \(10\.0\.0\.0\/8\)$/
    t.match(problemsOf(t, { TRUSTED_PROXIES: network }), [problem], network)
  }
})

test('no message shows more of a URL than a scheme that is known', async (t) => {
  const wrong = [
    'host=db user=u password=S3cret',
    'intake:S3cret',
    'postgres:intake:S3cret',
    'postgres://u:S3cret@db:x/formulas',
    'S3cret-token',
    'https://S3cret host',
    'HTTPS:S3cret',
    'S3cret\n',
    'http:S3cret',
  ]
  for (const name of ['DATABASE_URL', 'QUEUE_URL', 'FORWARD_TO', 'SQS_QUEUE_URL', 'OTEL_EXPORTER_OTLP_ENDPOINT']) {
    for (const value of wrong) {
      const problems = problemsOf(t, { [name]: value })
      t.match(problems, [new RegExp(`^${name}="(?:postgres:|https?:)?…": `, 'i')], value)
      t.notMatch(problems.join(), /S3cret/)
    }
  }
  for (const name of ['ALLOWED_HOSTS', 'TRUSTED_PROXIES', 'PORT']) {
    t.notMatch(problemsOf(t, { [name]: 'https://user:S3cret@host' }).join(), /S3cret/)
  }
})

test('a HOST that a shell has set is refused with a hint', async (t) => {
  const hint = /^HOST="x86_64-conda-linux-gnu": is not a loopback address;.*; some shells set HOST themselves/
  t.match(problemsOf(t, { HOST: 'x86_64-conda-linux-gnu' }), [hint])
  t.notMatch(problemsOf(t, { HOST: '0.0.0.0' }), [/some shells/])
})
