import { join } from 'node:path'
import { openSqlite } from '../../src/stores/sqlite/engine.ts'
import { intakeContract } from '../contract/intake.ts'
import { DAY_MS, type OpenStores } from '../contract/open-stores.ts'
import { storesContract } from '../contract/stores.ts'
import { scratch } from '../faults/stores.ts'
import { openInProcess } from '../support/sqlite-in-process.ts'

const opened =
  (open: typeof openInProcess | typeof openSqlite): OpenStores =>
  async (t, options) => {
    const path = join(scratch(t), 'formulas.db')
    const stores = await open(path, { answerTtlMs: DAY_MS, maxReceives: 5, ...options })
    t.teardown(() => stores.close())
    return stores
  }

storesContract('sqlite', opened(openInProcess))
intakeContract('sqlite, over its threads', opened(openSqlite))
