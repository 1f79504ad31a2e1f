import t from 'tap'
import { Network } from '../../support/postgres/network.ts'
import { createDatabases } from '../chaos/databases.ts'
import { sized } from '../extent.ts'
import { WAYS, type Way } from '../ways.ts'
import { EVERY_NUMBER, everyFault } from './enumerate.ts'
import { CASES, runSubmission } from './submission-run.ts'
import { WIRE_FAULTS, WireLayer } from './wire-layer.ts'
import { openWorld, postgres } from './world.ts'

t.setTimeout(sized(110_000, 3_000_000))

const CASE = 'a list with a duplicate skipped'
/** The saga has seven times the statements. */
function extentOf(way: Way) {
  if (sized(0, 1) === 1) return { faults: WIRE_FAULTS, times: EVERY_NUMBER }
  return { faults: way === 'saga' ? (['after'] as const) : (['after', 'late'] as const), times: [1] }
}

for (const way of WAYS) {
  t.test(`PostgreSQL, ${way}: whatever statement goes wrong on its way, it is stored once or not at all`, async (t) => {
    const databases = await createDatabases(await postgres(), way)
    const database = await Network.start(t, databases.database)
    const queue = way === 'saga' ? await Network.start(t, databases.queue) : database
    const behind = { way, database: database.url, queue: queue.url }
    const world = await openWorld(t, { engine: 'postgres', way, databases: behind })
    let runs = 0
    await everyFault(t, extentOf(way), async (plan) => {
      const number = ++runs
      const layer = new WireLayer([...new Set([database, queue])])
      return runSubmission(world, number, (CASES[CASE] as (typeof CASES)[string])(number), layer, plan)
    })
  })
}
