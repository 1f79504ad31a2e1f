import pg from 'pg'
import t from 'tap'
import { systemClock } from '../../src/kit/clock.ts'
import { LongPoll } from '../../src/outbox/long-poll.ts'
import { OWNER_LEASE_MS } from '../../src/stores/ports.ts'
import { DEFAULT } from '../contract/leasing.ts'
import { storesContract } from '../contract/stores.ts'
import { formula, submission } from '../contract/submissions.ts'
import { openEngine } from '../support/postgres/engines.ts'
import { reuseEngine } from '../support/postgres/reused-engine.ts'

/** What the profile leaves out, and what no statement needs any more. */
const LEFT_OUT =
  /\b(?:LISTEN|NOTIFY|pg_notify|plan_cache_mode|enable_\w+|search_path|fillfactor|autovacuum\w*|\w*advisory\w*|xmax)\b/i

const sent = recordStatements()
const { url, open, empty, hasShadowRun } = await reuseEngine(t, { isPortable: true })

storesContract('portable', open, OWNER_LEASE_MS)

t.test('portable: a consumer that waits at another instance finds an event by asking again', async (t) => {
  await empty()
  const [one, two] = [await openEngine(t, url), await openEngine(t, url)]
  const poll = new LongPoll(two.queue, systemClock)
  t.teardown(() => poll.stop())
  const waiting = poll.receive({ subscription: DEFAULT, caller: '', max: 1, leaseMs: 30_000, waitMs: 20_000 })
  await one.intake.accept(submission([formula('a')]))
  t.match(await waiting, [{ id: formula('a').id }])
})

t.test('portable: no statement uses what the profile leaves out, from the migration on', async (t) => {
  t.ok([...sent].some((text) => text.includes('CREATE TABLE formula_intake.formulas')))
  t.ok([...sent].some((text) => text.includes('FROM formula_intake.receive(')))
  t.same(
    [...sent].filter((text) => LEFT_OUT.test(text)),
    [],
  )
})

t.test(
  'portable: without a search_path of their own, functions run as the documented role call no shadow',
  async (t) => {
    t.notOk(await hasShadowRun())
  },
)

/** @returns the texts of all statements that the service sends from now on; the tests have connections of another name */
function recordStatements(): Set<string> {
  const texts = new Set<string>()
  const { query } = pg.Client.prototype
  pg.Client.prototype.query = function (
    this: pg.Client & { connectionParameters: pg.ClientConfig },
    ...args: unknown[]
  ) {
    const [text] = args
    if (this.connectionParameters.application_name === 'formula-intake') texts.add(String(text))
    return Reflect.apply(query, this, args)
  } as typeof query
  return texts
}
