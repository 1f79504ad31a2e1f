import { test } from 'tap'
import type { Standby } from '../../src/stores/ports.ts'
import { scrape } from '../support/http/scrape.ts'
import { startService } from '../support/http/service.ts'
import { memoryStores } from './fixtures.ts'

const of = (name: string, state: Standby['state'], lagBytes: number): Standby => ({ name, state, lagBytes })

test('standbys are counted by state, with the lag of each; of two with one name, the larger', async (t) => {
  const all = [of('db2', 'quorum', 0), of('db3', 'quorum', 7), of('archive', 'async', 9e9), of('archive', 'async', 1)]
  const stores = { ...memoryStores(), standbys: async () => all }
  const service = await startService(t, {}, { stores })
  const read = async () => {
    const { series } = await scrape(service)
    const valuesBy = (label: string, name: string) =>
      Object.fromEntries(series(name).map(({ labels, value }) => [labels[label], value]))
    return {
      count: valuesBy('state', 'intake_postgres_standbys'),
      lag: valuesBy('standby', 'intake_postgres_standby_lag_bytes'),
    }
  }
  t.same(await read(), {
    count: { sync: 0, quorum: 2, potential: 0, async: 2 },
    lag: { db2: 0, db3: 7, archive: 9e9 },
  })
  all.splice(0)
  t.same(await read(), { count: { sync: 0, quorum: 0, potential: 0, async: 0 }, lag: {} })
})
