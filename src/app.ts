import { join } from 'node:path'
import autoload from '@fastify/autoload'
import Fastify, { type FastifyInstance, type FastifyPluginCallback } from 'fastify'
import audit from '../plugins/audit.ts'
import auditTrail from '../plugins/audit-trail.ts'
import authentication from '../plugins/authentication.ts'
import authorization from '../plugins/authorization.ts'
import closing from '../plugins/closing.ts'
import config from '../plugins/config.ts'
import connections from '../plugins/connections.ts'
import cors from '../plugins/cors.ts'
import crossSite from '../plugins/cross-site.ts'
import db from '../plugins/db.ts'
import engines from '../plugins/engines.ts'
import errors from '../plugins/errors.ts'
import formulaReads from '../plugins/formula-reads.ts'
import forwarder from '../plugins/forwarder.ts'
import host from '../plugins/host.ts'
import idempotency from '../plugins/idempotency.ts'
import json from '../plugins/json.ts'
import longPoll from '../plugins/long-poll.ts'
import metricExport from '../plugins/metric-export.ts'
import metrics from '../plugins/metrics.ts'
import notFound from '../plugins/not-found.ts'
import openapi from '../plugins/openapi.ts'
import orchestrator from '../plugins/orchestrator.ts'
import overload from '../plugins/overload.ts'
import queue from '../plugins/queue.ts'
import rateLimit from '../plugins/rate-limit.ts'
import readiness from '../plugins/readiness.ts'
import recentAnswers from '../plugins/recent-answers.ts'
import requestId from '../plugins/request-id.ts'
import requestLog from '../plugins/request-log.ts'
import safetyHeaders from '../plugins/safety-headers.ts'
import sensible from '../plugins/sensible.ts'
import stateMetrics from '../plugins/state-metrics.ts'
import tracing, { type LogTraceContext } from '../plugins/tracing.ts'
import transferCoding from '../plugins/transfer-coding.ts'
import validation from '../plugins/validation.ts'
import type { Config } from './config/config.ts'
import { type Logging, serverOptions, setUpServer } from './http/server-options.ts'
import type { Clock, Random } from './kit/clock.ts'
import type { Stores } from './stores/ports.ts'

/** Replacements for tests. */
export interface AppOptions {
  clock?: Clock
  random?: Random
  /** Used instead of opening the configured ones; the app closes them. */
  stores?: Stores
  /** Default: no logging. */
  logger?: Logging
  /** Whether requests are measured and logged; default true. */
  observed?: boolean
}

interface PluginOptions extends Omit<AppOptions, 'logger'> {
  config: Config
  logTraceContext: LogTraceContext
}

/** The plugins, in the order in which their hooks run. */
const plugins: FastifyPluginCallback<PluginOptions>[] = [
  // Basics of all routes: configuration, helpers, errors, validation, documentation, bodies.
  config,
  sensible,
  errors,
  validation,
  openapi,
  json,

  // The path of a request to its route: metrics, request id, origin checks, authentication, limits, log.
  metrics,
  connections,
  requestId,
  safetyHeaders,
  host,
  crossSite,
  cors,
  closing,
  auditTrail,
  authentication,
  audit,
  tracing,
  rateLimit,
  authorization,
  notFound,
  transferCoding,
  requestLog,

  // The stores, and the services that use them.
  engines,
  db,
  formulaReads,
  queue,
  idempotency,
  orchestrator,
  recentAnswers,
  overload,
  longPoll,
  forwarder,
  readiness,
  stateMetrics,
  metricExport,
]

/** Composes the service from plugins and routes/. Its stores are opened by `ready()`. */
export function buildApp(config: Config, { logger = false, ...options }: AppOptions = {}): FastifyInstance {
  const logTraceContext: LogTraceContext = { ids: () => ({}) }
  const isTraced = config.otlpEndpoint !== null && typeof logger === 'object'
  const app = Fastify(serverOptions(config, isTraced ? { ...logger, mixin: () => logTraceContext.ids() } : logger))
  setUpServer(app)
  for (const plugin of plugins) app.register(plugin, { config, logTraceContext, ...options })
  const dir = join(import.meta.dirname, '../routes')
  app.register(autoload, { dir, routeParams: true, matchFilter: (path) => path.endsWith('/index.ts') })
  return app
}
