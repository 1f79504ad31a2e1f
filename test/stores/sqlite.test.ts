import { join } from 'node:path'
import type { Test } from 'tap'
import { openSqlite } from '../../src/stores/sqlite/engine.ts'
import { openMemoryQueue } from '../../src/stores/sqlite/memory.ts'
import { cleanupQueueContract } from '../contract/cleanup-queue.ts'
import { eventQueueContract } from '../contract/event-queue.ts'
import { DAY_MS, type OpenOptions, type OpenStores } from '../contract/open-stores.ts'
import { storesContract } from '../contract/stores.ts'
import { scratch } from '../faults/scratch.ts'

const file = (t: Test, name: string): string => join(scratch(t), name)

async function openFile(t: Test, path: string, options: OpenOptions) {
  const stores = await openSqlite(path, { answerTtlMs: DAY_MS, maxReceives: 5, ...options })
  t.teardown(() => stores.close())
  return stores
}

const openOneFile: OpenStores = (t, options) => openFile(t, file(t, 'formulas.db'), options)

const openTwoFiles: OpenStores = async (t, options) => {
  const directory = scratch(t)
  const db = await openFile(t, join(directory, 'formulas.db'), options)
  const { queue } = await openFile(t, join(directory, 'events.db'), options)
  return { ...db, queue, intake: null }
}

const openWithMemoryQueue: OpenStores = async (t, options) => ({
  ...(await openOneFile(t, options)),
  queue: openMemoryQueue({ maxReceives: 5, ...options }),
  intake: null,
})

storesContract('sqlite', openOneFile)
eventQueueContract('sqlite, two files', openTwoFiles)
cleanupQueueContract('sqlite, memory queue', openWithMemoryQueue)
