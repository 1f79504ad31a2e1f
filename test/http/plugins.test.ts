import Fastify, { type FastifyInstance, type FastifyPluginAsync, type FastifyPluginCallback } from 'fastify'
import { type Test, test } from 'tap'
import auditTrail from '../../plugins/audit-trail.ts'
import authentication from '../../plugins/authentication.ts'
import authorization from '../../plugins/authorization.ts'
import closing from '../../plugins/closing.ts'
import config from '../../plugins/config.ts'
import connections from '../../plugins/connections.ts'
import crossSite from '../../plugins/cross-site.ts'
import db from '../../plugins/db.ts'
import engines, { type EnginesOptions } from '../../plugins/engines.ts'
import errors from '../../plugins/errors.ts'
import formulaReads from '../../plugins/formula-reads.ts'
import forwarder from '../../plugins/forwarder.ts'
import host from '../../plugins/host.ts'
import idempotency from '../../plugins/idempotency.ts'
import json from '../../plugins/json.ts'
import longPoll from '../../plugins/long-poll.ts'
import metrics from '../../plugins/metrics.ts'
import notFound from '../../plugins/not-found.ts'
import orchestrator, { type OrchestratorPluginOptions } from '../../plugins/orchestrator.ts'
import queue from '../../plugins/queue.ts'
import rateLimit from '../../plugins/rate-limit.ts'
import readiness from '../../plugins/readiness.ts'
import requestId from '../../plugins/request-id.ts'
import safetyHeaders from '../../plugins/safety-headers.ts'
import sensible from '../../plugins/sensible.ts'
import tracing from '../../plugins/tracing.ts'
import validation from '../../plugins/validation.ts'
import { type Config, readConfig } from '../../src/config/config.ts'
import { systemClock } from '../../src/kit/clock.ts'
import { openMemory } from '../../src/stores/sqlite/memory.ts'

/** A plugin with any options. */
type AnyPlugin = FastifyPluginAsync<Options> | FastifyPluginCallback<Options>
type Options = EnginesOptions & OrchestratorPluginOptions & { config: Config; observed?: boolean }

const memory = readConfig({ DATABASE_URL: 'memory:' })

/** An instance with these plugins alone, ready. */
async function withPlugins(t: Test, plugins: AnyPlugin[], options: Partial<Options> = {}) {
  const app = Fastify()
  t.teardown(() => app.close())
  for (const plugin of plugins)
    await app.register(plugin as FastifyPluginAsync<Options>, { config: memory, ...options })
  await app.ready()
  return app
}

/** The plugins that handle a request first. */
const entry: AnyPlugin[] = [config, metrics, requestId, safetyHeaders, host, crossSite, connections, closing]
const stores: AnyPlugin[] = [config, metrics, engines]
const traced: AnyPlugin[] = [...entry, auditTrail, authentication, tracing]
const guarded: AnyPlugin[] = [...traced, rateLimit, authorization]

const decorators: [name: keyof FastifyInstance, plugins: AnyPlugin[]][] = [
  ['config', [config]],
  ['metrics', [metrics]],
  ['engines', stores],
  ['db', [...stores, db]],
  ['formulaReads', [...stores, connections, db, formulaReads]],
  ['queue', [...stores, queue]],
  ['idempotency', [...stores, idempotency]],
  ['orchestrator', [...traced, engines, db, queue, idempotency, orchestrator]],
  ['longPoll', [...entry, engines, queue, longPoll]],
  ['forwarder', [...stores, queue, forwarder]],
  ['connections', [config, metrics, connections]],
  ['tracer', traced],
  ['hostError', [config, requestId, safetyHeaders, host]],
  ['crossSiteError', [config, requestId, safetyHeaders, host, crossSite]],
  ['safetyHeaders', [safetyHeaders]],
  ['pageHeaders', [safetyHeaders]],
  ['readiness', [sensible, ...stores, connections, db, queue, readiness]],
]

for (const [name, plugins] of decorators) {
  test(`${String(name)} is there with its plugin and what that depends on, and nothing else`, async (t) => {
    const app = await withPlugins(t, plugins)
    t.ok(app[name])
    if (plugins.length > 1) {
      const alone = Fastify()
      await t.rejects(
        async () => alone.register(plugins.at(-1) as FastifyPluginAsync<Options>, { config: memory }),
        /dependency/,
      )
    }
  })
}

for (const plugin of [sensible, requestId, json, validation] as AnyPlugin[]) {
  test(`the plugin ${pluginName(plugin)} needs no other`, async (t) => {
    await t.resolves(withPlugins(t, [plugin]))
  })
}

function pluginName(plugin: object): string {
  return (plugin as Record<symbol, { name: string }>)[Symbol.for('plugin-meta')]?.name ?? ''
}

test('the errors plugin alone gives any error its shape', async (t) => {
  const app = Fastify()
  await app.register(sensible)
  await app.register(errors)
  app.get('/', async () => {
    throw new Error('secret')
  })
  t.match((await app.inject('/')).json(), { status: 500, code: 'INTERNAL_ERROR' })
})

test('the not-found plugin knows routes of any number of methods', async (t) => {
  const app = Fastify()
  for (const plugin of [sensible, errors, ...guarded, notFound] as AnyPlugin[]) {
    await app.register(plugin as FastifyPluginAsync<Options>, { config: memory })
  }
  app.route({ method: ['PUT', 'PATCH'], url: '/a', handler: async () => '' })
  app.get('/a', { constraints: { host: 'a.example' } }, async () => '')
  app.get('/a', { constraints: { host: 'b.example' } }, async () => '')
  const { statusCode, headers } = await app.inject({ method: 'DELETE', url: '/a' })
  t.equal(statusCode, 405)
  t.match(headers.allow, /PUT.*PATCH/)
})

test('the stores close after all that uses them', async (t) => {
  const order: string[] = []
  const opened = openMemory({ clock: systemClock, answerTtlMs: 1, maxReceives: 1 })
  opened.close = async () => void order.push('stores')
  const plugins = [...traced, engines, db, queue, idempotency, orchestrator]
  const app = await withPlugins(t, plugins, { stores: opened })
  const close = app.orchestrator.close.bind(app.orchestrator)
  app.orchestrator.close = async () => {
    await close()
    order.push('orchestrator')
  }
  await app.close()
  t.same(order, ['orchestrator', 'stores'])
})
