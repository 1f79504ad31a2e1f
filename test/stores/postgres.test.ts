import t, { type Test } from 'tap'
import { openMemoryQueue } from '../../src/stores/memory/engine.ts'
import { OWNER_LEASE_MS } from '../../src/stores/ports.ts'
import { openPostgres } from '../../src/stores/postgres/engine.ts'
import { cleanupQueueContract } from '../contract/cleanup-queue.ts'
import { eventQueueContract } from '../contract/event-queue.ts'
import { DAY_MS, type OpenOptions, type OpenStores } from '../contract/open-stores.ts'
import { storesContract } from '../contract/stores.ts'
import { startPostgres } from '../postgres/server.ts'

const server = await startPostgres({ durable: false })
t.teardown(() => server.stop())

async function openDatabase(t: Test, options: OpenOptions) {
  const url = await server.createDatabase()
  const stores = await openPostgres(url, { answerTtlMs: DAY_MS, maxReceives: 5, ...options })
  t.teardown(() => stores.close())
  return stores
}

const openOneDatabase: OpenStores = openDatabase

const openTwoDatabases: OpenStores = async (t, options) => {
  const { queue } = await openDatabase(t, options)
  return { ...(await openDatabase(t, options)), queue, intake: null }
}

const openWithMemoryQueue: OpenStores = async (t, options) => ({
  ...(await openDatabase(t, options)),
  queue: openMemoryQueue({ maxReceives: 5, ...options }),
  intake: null,
})

storesContract('postgres', openOneDatabase, OWNER_LEASE_MS)
eventQueueContract('postgres, two databases', openTwoDatabases)
cleanupQueueContract('postgres, memory queue', openWithMemoryQueue, OWNER_LEASE_MS)
