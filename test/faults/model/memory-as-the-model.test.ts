import t from 'tap'
import { openMemory } from '../../../src/stores/sqlite/memory.ts'
import { anyOperationPromises } from '../../contract/event-queue/any-operations.ts'
import { DAY_MS, type OpenStores } from '../../contract/open-stores.ts'
import { seed, sized } from '../extent.ts'
import { LONGEST_MS } from './repeat.ts'
import { modelTest } from './run.ts'

modelTest('memory', { runs: sized(12, 250), commands: 300, processLife: 30, stream: 0 })
modelTest('memory saga', { runs: sized(12, 250), commands: 300, processLife: 30, stream: 1 })

const open: OpenStores = async (_, options) => openMemory({ answerTtlMs: DAY_MS, maxReceives: 5, ...options })

// The same property as in the contract tests of every engine, with many more runs.
t.test('the queue in memory', { timeout: LONGEST_MS }, (t) =>
  anyOperationPromises(t, open, { numRuns: sized(100, 5_000), seed }),
)
