import t from 'tap'
import { StoreUnavailable } from '../../../src/errors/store-errors.ts'
import { events } from '../../contract/submissions.ts'
import { openEngine } from '../../support/postgres/engines.ts'
import { Network } from '../../support/postgres/network.ts'
import { startPostgres } from '../../support/postgres/server.ts'
import { isLong } from '../extent.ts'

const isExternal = Boolean(process.env.TEST_DATABASE_URL)
const skip =
  (isExternal && 'TEST_DATABASE_URL names a server that is not ours to freeze') ||
  (!isLong && 'it takes as long as a statement may: in the long run')

t.test(
  'a transaction on a connection that hangs is given up once, not once for each statement',
  { skip },
  async (t) => {
    const server = await startPostgres({ durable: false })
    t.teardown(() => server.stop())
    const network = await Network.start(t, await server.createDatabase())
    const { queue } = await openEngine(t, network.url)
    network.choose((text, isWithin) => {
      if (isWithin && /formula_intake\.held/.test(text)) server.freeze()
      return null
    })
    const begun = performance.now()
    await t.rejects(queue.publish('1', events('abc')), StoreUnavailable)
    const ms = Math.round(performance.now() - begun)
    server.thaw()
    network.choose()
    t.ok(ms < 12_000, `after ${ms} ms`)
    t.equal(await queue.publish('after', events('d')), true)
  },
)
