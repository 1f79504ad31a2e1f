import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as waitMs } from 'node:timers/promises'
import t, { type Test } from 'tap'
import manifest from '../../package.json' with { type: 'json' }
import lock from '../../package-lock.json' with { type: 'json' }
import { ClientHistory, sendTo } from '../faults/client-history.ts'
import { Consumers, Submitters } from '../faults/clients.ts'
import { chance } from '../faults/extent.ts'
import { Buildah } from './buildah.ts'
import { Docker } from './docker.ts'
import type { Container, ContainerEngine, Volume } from './engine.ts'

const SUBMITTERS = 16
const CONSUMERS = 4
const LOAD_MS = 1_500
const START_MS = 20_000
const ANYONE = { ALLOW_ANONYMOUS: 'true' }

/** The engine named by CONTAINER_ENGINE, else the first that answers. */
function findEngine(): ContainerEngine {
  const names = ['docker', 'podman', 'buildah']
  const wanted = process.env.CONTAINER_ENGINE
  const name = wanted ?? names.find((name) => spawnSync(name, ['info']).status === 0)
  if (name === undefined) throw new Error(`None of ${names.join(', ')} answers`)
  return name === 'buildah' ? new Buildah() : new Docker(name)
}

const engine = findEngine()
const BUILT = {
  SOURCE: 'https://git.example/formulas',
  VERSION: 'v1.2.3',
  REVISION: '0123abc',
  CREATED: '2026-01-31T12:00:00Z',
}
const image = await engine.build(join(import.meta.dirname, '../..'), BUILT)

/** Starts a container and waits until it is ready. */
async function start(t: Test, volume: Volume): Promise<Container> {
  const container = await engine.start(volume, ANYONE)
  t.teardown(() => container.remove())
  for (const until = Date.now() + START_MS; ; await waitMs(50)) {
    const answer = await fetch(`${container.url}/health/ready`).catch(() => null)
    if (answer?.status === 200) return container
    if (Date.now() > until) throw new Error(`It is not ready: ${await container.log()}`)
  }
}

async function newVolume(t: Test): Promise<Volume> {
  const volume = await engine.createVolume()
  t.teardown(() => volume.remove())
  return volume
}

t.test('the image declares its user, volume, port, health check and stop signal', async (t) => {
  t.equal(image.user, 'node')
  t.same(image.volumes, ['/data'])
  t.same(image.ports, ['3000/tcp'])
  t.equal(image.stopSignal, 'SIGTERM')
  t.equal(image.healthcheck[0], 'node', 'neither a shell nor curl')
  t.match(image.labels, {
    'org.opencontainers.image.licenses': manifest.license,
    'org.opencontainers.image.source': BUILT.SOURCE,
    'org.opencontainers.image.version': BUILT.VERSION,
    'org.opencontainers.image.revision': BUILT.REVISION,
    'org.opencontainers.image.created': BUILT.CREATED,
  })
  const preset = image.environment.map((variable) => variable.split('=')[0])
  t.notOk(preset.includes('API_KEYS_FILE') || preset.includes('ALLOW_ANONYMOUS'), 'who may call is not preset')
})

t.test('the image holds what the service needs to run, and nothing to build, test or describe it', async (t) => {
  const files = await engine.files('/app')
  const top = new Set(files.map((file) => file.split('/')[2]))
  t.notOk(['test', 'bench', 'docs', '.git', 'data'].some((folder) => top.has(folder)))
  const holds = (name: string): boolean => files.some((file) => file.startsWith(`/app/node_modules/${name}/`))
  t.same(
    Object.keys(manifest.dependencies).filter((name) => !holds(name)),
    [],
  )
  // Some that the tests name are also what Fastify and Swagger run on: the lock file does not mark those as `dev`.
  const locked: Record<string, object> = lock.packages
  const isForTests = (name: string): boolean => 'dev' in (locked[`node_modules/${name}`] ?? {})
  t.same(Object.keys(manifest.devDependencies).filter(isForTests).filter(holds), [])
})

t.test('started without keys and without leave to do so, it says in one line what to set', async (t) => {
  const { code, output } = await engine.runToEnd({})
  t.equal(code, 1)
  const said = output.split('\n').filter((line) => line.startsWith('HOST='))
  t.match(said, [/API_KEYS_FILE.*ALLOW_ANONYMOUS=true/])
})

t.test('on a read-only root it starts, is healthy by its own check, and logs lines of JSON', async (t) => {
  const container = await start(t, await newVolume(t))
  t.equal(await container.run(image.healthcheck), 0)
  const lines = (await container.log()).split('\n').filter((line) => line.includes('listening at'))
  t.ok(lines.length > 0 && lines.every((line) => JSON.parse(line).level === 30))
  t.equal(await container.end('SIGTERM'), 0)
})

for (const [signal, isExpected] of [
  ['SIGTERM', (code: number) => code === 0],
  ['SIGKILL', (code: number) => code !== 0],
] as const) {
  t.test(`${signal} under load loses nothing and stores nothing twice: the next container has it all`, async (t) => {
    const volume = await newVolume(t)
    const history = new ClientHistory({ maxReceives: 5 })
    const loaded = await start(t, volume)
    await load(history, loaded.url, async () => t.ok(isExpected(await loaded.end(signal)), 'it ends as it should'))

    const next = await start(t, volume)
    const judge = sendTo(next.url)
    const violations = await history.judge(judge.send, { whole: true, patienceMs: 40_000 })
    t.same(violations.slice(0, 10), [])
    const { formulas } = (await (await fetch(`${next.url}/formulas`)).json()) as { formulas: unknown[] }
    t.ok(formulas.length > 0, 'there was a load')
    judge.close()
    t.equal(await next.end('SIGTERM'), 0)
  })
}

/** Submits and consumes at the same time, ends the service amid it, and waits until all clients have noticed. */
async function load(history: ClientHistory, url: string, end: () => Promise<unknown>): Promise<void> {
  const random = chance()
  const [submitters, consumers] = [new Submitters(history, random), new Consumers(history, random)]
  const connection = sendTo(url)
  const clients = [
    ...Array.from({ length: SUBMITTERS }, () => submitters.client(connection.send)),
    ...Array.from({ length: CONSUMERS }, () => consumers.client(connection.send)),
  ]
  await waitMs(LOAD_MS)
  await end()
  await Promise.all(clients)
  connection.close()
}
