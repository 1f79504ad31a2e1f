import type { Test } from 'tap'
import { systemClock } from '../../../src/kit/clock.ts'
import type { DurableStores, EngineOptions, EventQueue, FormulaDb } from '../../../src/stores/ports.ts'
import { openPostgres } from '../../../src/stores/postgres/engine.ts'
import { DEFAULT } from '../../contract/leasing.ts'
import { DAY_MS } from '../../contract/open-stores.ts'
import { listed, namesIn } from '../../contract/submissions.ts'

/** Opens a database as one instance of the service does; it is closed when the test ends. */
export async function openEngine(t: Test, url: string, changed: Partial<EngineOptions> = {}): Promise<DurableStores> {
  const engine = await openPostgres(url, { clock: systemClock, answerTtlMs: DAY_MS, maxReceives: 5, ...changed })
  t.teardown(() => engine.close())
  return engine
}

/** The names of the formulas that are stored, and how many events wait. */
export async function contentsOf({ db, queue }: { db: FormulaDb; queue: EventQueue }) {
  const { items } = await listed(db, { limit: 200 })
  const { ready } = await queue.stats(DEFAULT)
  return { formulas: namesIn(items).sort(), events: ready }
}
