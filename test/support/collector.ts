import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'

/** A span as OTLP writes it in JSON. */
interface SentSpan {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  status: { code?: number }
  attributes: { key: string; value: object }[]
}

interface Sent {
  resourceSpans: {
    resource: { attributes: SentSpan['attributes'] }
    scopeSpans: { spans: SentSpan[] }[]
  }[]
}

export interface CollectedSpan extends Omit<SentSpan, 'attributes'> {
  attributes: Record<string, unknown>
}

/** Receives traces as a collector does, over HTTP. */
export interface Collector {
  /** Variables that make a service export its traces here without delay. */
  environment: Record<string, string>
  /** The received bodies of traces. */
  bodies: string[]
  /** The received bodies of metrics. */
  metrics: string[]
  spans(): CollectedSpan[]
  /** Attributes of the resource. */
  resource(): Record<string, unknown>
  /** Waits until `count` spans of this name have arrived. */
  named(name: string, count?: number): Promise<CollectedSpan[]>
}

const SERVER_ERROR = 500
/** OTLP's numbers. */
export const SERVER_KIND = 2
export const ERROR_STATUS = 2

export async function startCollector(t: Test): Promise<Collector> {
  const bodies: string[] = []
  const metrics: string[] = []
  const server = createServer(async (request, response) => {
    const chunks = await request.toArray()
    const isJson = request.headers['content-type'] === 'application/json'
    const kept = { '/v1/traces': bodies, '/v1/metrics': metrics }[isJson ? (request.url ?? '') : '']
    kept?.push(Buffer.concat(chunks).toString())
    response.writeHead(kept ? 200 : SERVER_ERROR, { 'content-type': 'application/json' }).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const sent = () => bodies.flatMap((body) => (JSON.parse(body) as Sent).resourceSpans)
  const collector: Collector = {
    environment: tracingTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    bodies,
    metrics,
    spans: () =>
      sent()
        .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
        .map((span) => ({ ...span, attributes: valuesOf(span.attributes) })),
    resource: () => valuesOf(sent()[0]?.resource.attributes ?? []),
    async named(name, count = 1) {
      for (let tries = 0; tries < 200; tries++) {
        const found = collector.spans().filter((span) => span.name === name)
        if (found.length >= count) return found
        await pause(50)
      }
      throw new Error(`received only ${collector.spans().map((span) => span.name)}`)
    },
  }
  return collector
}

/** Variables that make a service export its traces to an address without delay. */
export const tracingTo = (endpoint: string): Record<string, string> => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  OTEL_BSP_SCHEDULE_DELAY: '20',
  OTEL_METRIC_EXPORT_INTERVAL: '3600000',
})

const valuesOf = (attributes: SentSpan['attributes']): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
