import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { type PostgresServer, query } from '../../support/postgres/server.ts'
import { sized } from '../extent.ts'

/** The connections of all instances. */
const OURS = `FROM pg_stat_activity WHERE application_name = 'formula-intake'`

const terminate = (server: PostgresServer): Promise<unknown[]> =>
  query(server.url(), `SELECT pg_terminate_backend(pid) ${OURS}`)

/** Disturbs the server until it resolves. */
export type Disturbance = (server: PostgresServer) => Promise<void>

export const DISTURBANCES: Record<string, Disturbance> = {
  'backends terminated every 300 ms': async (server) => {
    for (let round = 0; round < sized(4, 60); round++) {
      await terminate(server)
      await pause(300)
    }
  },
  'two immediate restarts': async (server) => {
    await server.restartImmediately()
    await pause(sized(200, 2_000))
    await server.restartImmediately()
  },
  'connections exhausted': (server) => exhaust(server, sized(1_500, 10_000)),
  'a server that stands still': async (server) => {
    server.freeze()
    await pause(sized(2_000, 10_000))
    server.thaw()
  },
  'a server that is read-only': async (server) => {
    await server.setReadOnly(true)
    await pause(sized(1_500, 10_000))
    await server.setReadOnly(false)
  },
}

/** Takes every connection, also those of the service. */
async function exhaust(server: PostgresServer, ms: number): Promise<void> {
  const first = new pg.Client({ connectionString: server.url() })
  const taken = [first]
  await first.connect()
  for (const until = performance.now() + ms; performance.now() < until; ) {
    await first.query(`SELECT pg_terminate_backend(pid) ${OURS}`)
    const client = new pg.Client({ connectionString: server.url() })
    client.on('error', () => {})
    const isTaken = await client.connect().then(
      () => true,
      () => false,
    )
    if (isTaken) taken.push(client)
    else await pause(20)
  }
  await Promise.all(taken.map((client) => client.end()))
}
