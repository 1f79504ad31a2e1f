import t from 'tap'
import { openMemory } from '../../../src/stores/sqlite/memory.ts'
import { anyOperationPromises } from '../../contract/event-queue/any-operations.ts'
import { DAY_MS, type OpenStores } from '../../contract/open-stores.ts'
import { seed, sized } from '../extent.ts'
import { LONGEST_MS } from './repeat.ts'

t.setTimeout(LONGEST_MS)

const open: OpenStores = async (_, options) => openMemory({ answerTtlMs: DAY_MS, maxReceives: 5, ...options })

t.test('a queue in memory', { timeout: LONGEST_MS }, (t) =>
  anyOperationPromises(t, open, { numRuns: sized(100, 5_000), seed }),
)
