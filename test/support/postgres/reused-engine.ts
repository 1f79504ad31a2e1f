import pg from 'pg'
import type { Test } from 'tap'
import type { Clock } from '../../../src/kit/clock.ts'
import type { DurableStores } from '../../../src/stores/ports.ts'
import { openPostgres } from '../../../src/stores/postgres/engine.ts'
import { DAY_MS, type OpenStores } from '../../contract/open-stores.ts'
import { DocumentedRoles, hasProfile } from './documented-roles.ts'
import { EMPTY } from './reused-databases.ts'
import { startPostgres } from './server.ts'
import { createShadows, hasShadowRun } from './shadows.ts'

/** A database that is used under the strictest conditions, and an engine on it. */
export interface ReusedEngine {
  /** The URL as the role that docs/postgresql.md creates for the service. */
  url: string
  /** Empties the database, and opens it. Tests share the engine. */
  open: OpenStores
  empty(): Promise<unknown>
  /** Whether a function or operator that another role has created was called by mistake. */
  hasShadowRun(): Promise<boolean>
}

interface EngineReuse {
  /** Whether its URL has the profile for databases that lack parts of PostgreSQL. */
  isPortable?: boolean
  /** Puts a proxy before the database, and gives its URL. */
  through?(url: string): Promise<string>
}

/**
 * Creates the database as the documentation says, with shadows of every function and operator that a statement could
 * call by mistake. With this many functions a new connection takes as long as a test, so tests share an engine.
 */
export async function reuseEngine(t: Test, { isPortable = false, through }: EngineReuse = {}): Promise<ReusedEngine> {
  const server = await startPostgres({ durable: false })
  const roles = await DocumentedRoles.create(server)
  t.teardown(async () => {
    await server.stop()
    await roles.drop()
  })
  const url = await roles.createDatabase(isPortable)
  // Other databases than PostgreSQL may take hours to create as many functions.
  const hasShadows = server.isOurs || !hasProfile(url)
  if (hasShadows) await createShadows(url)
  const direct = roles.asService(url)
  const service = (await through?.(direct)) ?? direct
  const admin = new pg.Client(url)
  await admin.connect()
  const empty = () => admin.query(EMPTY)
  /** The clock of the test that runs. */
  let current: Clock
  const clock: Clock = { now: () => current.now(), after: (ms, run) => current.after(ms, run) }
  let engine: { options: string; stores: DurableStores } | undefined
  t.teardown(async () => {
    await engine?.stores.close()
    await admin.end()
  })
  const open: OpenStores = async (_, { clock: ofTest, answerTtlMs = DAY_MS, maxReceives = 5 }) => {
    await empty()
    current = ofTest
    const options = JSON.stringify([answerTtlMs, maxReceives])
    if (engine?.options !== options) {
      await engine?.stores.close()
      engine = { options, stores: await openPostgres(service, { clock, answerTtlMs, maxReceives }) }
    }
    return engine.stores
  }
  return { url: service, open, empty, hasShadowRun: async () => hasShadows && (await hasShadowRun(url)) }
}
