import { globSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { test } from 'tap'

const root = join(import.meta.dirname, '..')

interface SourceFile {
  path: string
  lines: number
  /** Files of ours as paths from the root, packages by their name. */
  imports: string[]
}

const IMPORT = /^(?:import|export)\s(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\(\s*'([^']+)'|new URL\('([^']+\.ts)'/gm

function read(path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8')
  const names = [...text.matchAll(IMPORT)].map(([, ...names]) => names.find(Boolean) as string)
  const imports = names.map((name) => (name.startsWith('.') ? posix.join(posix.dirname(path), name) : name))
  return { path, lines: text.split('\n').length - 1, imports }
}

const files = globSync('{src,plugins,routes,test,examples,client/src}/**/*.ts', { cwd: root }).sort().map(read)

/** What files under `folder` import against the rule, as `file: import`. */
function offences(folder: string, isAllowed: (imported: string, file: string) => boolean): string[] {
  return files
    .filter(({ path }) => path.startsWith(folder))
    .flatMap(({ path, imports }) => imports.filter((name) => !isAllowed(name, path)).map((name) => `${path}: ${name}`))
}

const isWithin =
  (...places: string[]) =>
  (imported: string): boolean =>
    places.some((place) => imported.startsWith(place))

test('imports are found, whatever their form', async (t) => {
  const importsOf = (path: string) => files.find((file) => file.path === path)?.imports
  t.match(importsOf('src/stores/open.ts'), /src\/stores\/sqlite\/engine\.ts/)
  t.match(importsOf('src/stores/sqlite/worker-client.ts')?.join(), /src\/stores\/sqlite\/worker\.ts/)
  t.match(importsOf('src/app.ts')?.join(), /@fastify\/autoload,fastify/)
})

test('src imports neither plugins, which app.ts composes, nor routes or tests', async (t) => {
  t.same(
    offences('src/', (name, file) => file === 'src/app.ts' || !isWithin('plugins/', 'routes/', 'test/')(name)),
    [],
  )
})

test('plugins import no routes, and neither they nor routes import tests', async (t) => {
  t.same(
    offences('plugins/', (name) => !isWithin('routes/', 'test/')(name)),
    [],
  )
  t.same(
    offences('routes/', (name) => !isWithin('test/')(name)),
    [],
  )
})

test('in src, only app, server and the options of the HTTP server know Fastify', async (t) => {
  const web = ['src/app.ts', 'src/server.ts', 'src/http/server-options.ts']
  t.same(
    offences('src/', (name, file) => web.includes(file) || !/fastify|typebox/.test(name)),
    [],
  )
  t.same(
    offences('src/', (name, file) => web.includes(file) || !web.includes(name)),
    [],
    'and nobody but the process imports the app',
  )
})

test('formulas know nothing but errors, Node, and a parser that finds where JSON is broken', async (t) => {
  t.same(offences('src/formula/', isWithin('src/formula/', 'src/errors/', 'node:', 'jsonc-parser')), [])
})

test('the kit knows nothing of formulas, stores or the web', async (t) => {
  t.same(offences('src/kit/', isWithin('src/kit/', 'src/errors/', 'node:')), [])
})

test('errors know nothing of who throws them', async (t) => {
  t.same(offences('src/errors/', isWithin('src/errors/', 'negotiator', 'node:')), [])
})

test('keys know what subscriptions are called, and nothing of who shows them', async (t) => {
  const inner = ['src/access/', 'src/errors/', 'src/kit/', 'src/stores/ports.ts', 'node:']
  t.same(offences('src/access/', isWithin(...inner)), [])
})

test('what the OpenAPI document says of all routes is derived from codes, scopes and formulas, never from a route', async (t) => {
  const inner = ['src/errors/', 'src/access/', 'src/formula/', 'package.json', 'node:']
  t.same(offences('src/openapi/', isWithin('src/openapi/', ...inner)), [])
})

test('submissions know the ports, never an engine', async (t) => {
  const inner = ['src/kit/', 'src/errors/', 'src/formula/', 'src/stores/ports.ts', 'node:']
  t.same(offences('src/submission/', isWithin('src/submission/', 'lru-cache', ...inner)), [])
})

test('the outbox knows the ports, never an engine, and each sink alone the packages that it is made with', async (t) => {
  const inner = ['src/kit/', 'src/errors/', 'src/formula/formula.ts', 'src/stores/ports.ts', 'node:']
  const isOfSink = isWithin('src/outbox/sqs-', 'src/outbox/webhook-', 'src/outbox/nats-')
  t.same(
    offences('src/outbox/', (name, file) => isOfSink(file) || isWithin('src/outbox/', ...inner)(name)),
    [],
  )
  const packages: [files: string, name: RegExp][] = [
    ['src/outbox/sqs-sink.ts', /^@aws-sdk|^@smithy/],
    ['src/outbox/webhook-sink.ts', /^undici|^standardwebhooks|^ipaddr/],
    ['src/outbox/nats-', /^@nats-io/],
  ]
  for (const [files, pattern] of packages) {
    t.same(
      offences('src/', (name, file) => file.startsWith(files) || !pattern.test(name)),
      [],
    )
  }
})

test('one folder knows OpenTelemetry, and one plugin what it has for Fastify', async (t) => {
  const inner = ['src/kit/', 'src/submission/options.ts']
  t.same(offences('src/tracing/', isWithin('src/tracing/', '@opentelemetry/', 'node:', ...inner)), [])
  t.same(
    offences(
      '',
      (name, file) => !name.startsWith('@opentelemetry/') || isWithin('src/tracing/', 'test/tracing/')(file),
    ),
    [],
  )
  t.same(
    offences('', (name, file) => name !== '@fastify/otel' || file === 'plugins/tracing.ts'),
    [],
  )
})

test('import and export know the service by its HTTP interface and its rules for formulas alone, and nothing in the service knows them', async (t) => {
  const shared = ['src/cli/', 'src/kit/', 'src/formula/', 'node:']
  t.same(
    offences(
      'src/bulk/',
      isWithin('src/bulk/', 'csv-', 'read-excel-file', 'write-excel-file', 'cli-progress', ...shared),
    ),
    [],
  )
  t.same(
    offences(
      '',
      (name, file) =>
        !name.startsWith('src/bulk/') || isWithin('src/bulk/', 'src/cli/', 'test/bulk/', 'test/support/')(file),
    ),
    [],
  )
})

test('the client has no dependency, and examples import nothing else but Node, so that they can be copied', async (t) => {
  t.same(offences('client/', isWithin('client/', 'node:')), [])
  t.same(offences('examples/', isWithin('client/src/client.ts', 'node:')), [])
  t.same(
    offences('', (name, file) => !name.startsWith('client/') || isWithin('client/', 'examples/', 'test/')(file)),
    [],
  )
})

test('stores know nothing of submissions and consumers, and engines nothing of each other', async (t) => {
  t.same(
    offences('src/stores/', (name) => !isWithin('src/submission/', 'src/outbox/', 'src/config/')(name)),
    [],
  )
  t.same(
    offences('src/stores/memory/', (name) => !isWithin('src/stores/sqlite/')(name)),
    [],
  )
  t.same(
    offences('src/stores/sqlite/', (name) => !isWithin('src/stores/memory/')(name)),
    [],
  )
})

test('only the metrics know prom-client, and nobody within src who counts', async (t) => {
  t.same(
    offences('', (name, file) => name !== 'prom-client' || isWithin('src/metrics/')(file)),
    [],
  )
  const inner = ['src/kit/', 'src/outbox/circuit-breaker.ts', 'src/stores/ports.ts', 'src/submission/']
  t.same(offences('src/metrics/', isWithin('src/metrics/', 'prom-client', ...inner)), [])
  t.same(
    offences('src/', (name, file) => !name.startsWith('src/metrics/') || isWithin('src/metrics/')(file)),
    [],
    'they are given what they tell',
  )
})

test('only the SQLite engine knows SQLite, and worker threads', async (t) => {
  t.same(
    offences('src/', (name, file) => isWithin('src/stores/sqlite/')(file) || !/sqlite$|worker_threads/.test(name)),
    [],
  )
})

test('in the SQLite engine one file opens files: a database that is closed anywhere else loses its locks', async (t) => {
  const harmless =
    /^(type \w+|accessSync|constants|existsSync|fstatSync|mkdirSync|readSync|readlinkSync|realpathSync|statSync|writeSync)$/
  const opening = globSync('src/stores/sqlite/**/*.ts', { cwd: root }).flatMap((path) => {
    const imports = readFileSync(join(root, path), 'utf8').matchAll(/^import (.+) from '(?:node:)?fs(?:\/promises)?'/gm)
    const names = [...imports].flatMap(([, clause = '']) =>
      clause
        .replace(/[{}]/g, '')
        .split(',')
        .map((name) => name.trim()),
    )
    return names.filter((name) => !harmless.test(name)).map((name) => `${path}: ${name}`)
  })
  const place = 'src/stores/sqlite/durability'
  const allowed = ['closeSync', 'fsyncSync', 'openSync'].map((name) => `${place}/disk.ts: ${name}`)
  // It reads the list of mounts.
  t.same(opening.sort(), [...allowed, `${place}/paths.ts: readFileSync`])
})

test('the console is made of its own files alone, imported by their address: it knows the service by its HTTP interface', async (t) => {
  const modules = globSync('console/**/*.js', { cwd: root }).map(read)
  const vendor = ['console/vendor/htm-preact.js']
  const known = [...modules.map(({ path }) => path), ...vendor]
  t.ok(modules.length > 10)
  t.same(
    modules.flatMap(({ path, imports }) =>
      imports.filter((name) => !known.includes(name)).map((name) => `${path}: ${name}`),
    ),
    [],
  )
})

test('no file is longer than 300 lines, but for the generated table', async (t) => {
  const all = [...files, ...globSync('console/**/*.{js,css}', { cwd: root }).map(read)]
  const long = all.filter(({ path, lines }) => lines > 300 && path !== 'src/formula/unicode-16.ts')
  t.same(
    long.map(({ path, lines }) => `${path}: ${lines}`),
    [],
  )
})

test('no two test files have the same name', async (t) => {
  const names = globSync('test/**/*.{test,tools,browser,container}.ts', { cwd: root }).map((path) =>
    posix.basename(path),
  )
  t.same(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  )
})
