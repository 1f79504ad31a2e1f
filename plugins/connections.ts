import fp from 'fastify-plugin'
import { Connections } from '../src/http/connections.ts'
import { type Clock, systemClock } from '../src/kit/clock.ts'
import { LineLimiter } from '../src/kit/line-limiter.ts'
import { connectionMetrics } from '../src/metrics/gauges.ts'

declare module 'fastify' {
  interface FastifyInstance {
    connections: Connections
  }
}

/** A connection takes about 10 kB. */
const MAX_CONNECTIONS = 10_000
/** File descriptors reserved for everything but connections. */
const OTHER_DESCRIPTORS = 64

/**
 * Decorates the instance with its open connections and the answers under way on each. Limits the number of connections, so
 * that file descriptors never run out, and the time an answer may take.
 */
export default fp<{ clock?: Clock }>(
  async (fastify, { clock = systemClock }) => {
    const connections = new Connections(fastify.server)
    fastify.decorate('connections', connections)
    fastify.addHook('onSend', (_request, reply, payload, done) => {
      if (typeof payload === 'string' || payload instanceof Buffer) connections.count(reply.raw, payload)
      done()
    })

    fastify.server.maxConnections = connectionLimit()
    const lines = new LineLimiter(1, clock)
    const count = connectionMetrics(fastify.metrics.registry, {
      connections: () => connections.open,
      bodyBytes: () => connections.bodies.taken,
      unreadBytes: () => connections.unread.taken,
    })
    fastify.server.on('drop', () => {
      count.refused()
      if (!lines.admitOrDrop()) return
      const leftOut = lines.countWritten()
      const most = fastify.server.maxConnections
      fastify.log.warn({ most, ...(leftOut > 0 && { leftOut }) }, 'A connection was refused: there are too many')
    })
    let unwatch = (): void => {}
    fastify.server.once('listening', () => {
      unwatch = connections.watch(clock, (cut) => {
        count.cutOff(cut)
        fastify.log.warn({ connections: cut }, 'Connections were ended: their clients took too long over an answer')
      })
    })
    fastify.addHook('onClose', async () => unwatch())
  },
  { name: 'connections', dependencies: ['metrics'] },
)

/** The process's limit of open files, less a reserve. */
function connectionLimit(): number {
  // Without this, the report makes a reverse DNS lookup for every peer.
  Object.assign(process.report, { excludeNetwork: true })
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft: number | string } } }
  const descriptors = Number(report.userLimits?.open_files?.soft)
  if (Number.isNaN(descriptors)) return MAX_CONNECTIONS
  return Math.min(MAX_CONNECTIONS, Math.max(descriptors - OTHER_DESCRIPTORS, descriptors / 2))
}
