import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { IdempotencyStore } from '../../src/stores/ports.ts'
import { DEFAULT } from '../contract/leasing.ts'
import { again, answerOf, formula, submission } from '../contract/submissions.ts'
import { openEngine } from '../support/postgres/engines.ts'
import { changeSetting, query, startPostgres } from '../support/postgres/server.ts'
import { STANDBYS } from '../support/postgres/standby.ts'
import { until } from '../support/until.ts'

const skip = Boolean(process.env.TEST_DATABASE_URL) && 'TEST_DATABASE_URL names a server that is not ours to change'

/** The id of no formula. */
const unknown = '0'.repeat(64)

/** Commits wait for this standby. There is none. */
const NOBODY = 'nobody'

const WAITING = `SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'`

/**
 * A server on which a submission is committed and visible, though the standby that has to have it does not have it: its
 * connection broke while the commit waited. A failover would lose it.
 */
async function setUp(t: Test, synchronousCommit: 'on' | 'off') {
  const server = await startPostgres({ durable: false, settings: { synchronous_commit: synchronousCommit } })
  t.teardown(() => server.stop())
  const url = await server.createDatabase()
  const [engine, other] = [await openEngine(t, url), await openEngine(t, url)]
  const requireStandby = (name: string): Promise<void> => changeSetting(url, STANDBYS, name)
  const waiting = () => query<{ pid: number }>(url, WAITING)
  await requireStandby(NOBODY)
  const first = submission([formula('a')])
  const verdict = engine.intake.accept(first)
  await until(async () => (await waiting()).length > 0)
  for (const { pid } of await waiting()) await query(url, 'SELECT pg_terminate_backend($1)', [pid])
  await until(async () => (await query(url, 'SELECT FROM formula_intake.answers')).length > 0)
  const isOpen = (promise: Promise<unknown>) => Promise.race([promise.then(() => false), pause(300).then(() => true)])
  return { other, first, verdict, isOpen, replicate: () => requireStandby('') }
}

for (const synchronousCommit of ['on', 'off'] as const) {
  t.test(
    `synchronous_commit=${synchronousCommit}: an answer that no standby has is neither given nor repeated, and its key is not said to be used`,
    { skip },
    async (t) => {
      const { other, first, verdict, isOpen, replicate } = await setUp(t, synchronousCommit)
      const replay = other.intake.accept(again(first))
      const found = (other.idempotency as IdempotencyStore).find(first.caller, first.key)
      const status = (other.idempotency as IdempotencyStore).status(first.caller, first.key)
      for (const promise of [verdict, replay, found, status]) t.ok(await isOpen(promise))
      await replicate()
      t.match(await verdict, { kind: 'answered', submissionId: first.id })
      t.equal(answerOf(await replay).status, 200)
      t.match(await found, { submissionId: first.id })
      t.match(await status, { status: 200 })
    },
  )
}

t.test('nothing is said to be gone before a standby has that too', { skip }, async (t) => {
  const { other, verdict, isOpen, replicate } = await setUp(t, 'off')
  const { queue, intake, db } = other
  const receipts = [`1-1-${'0'.repeat(32)}`]
  const settled = [
    queue.ack(receipts),
    queue.nack(receipts, 0),
    queue.nack(receipts, 1_000),
    queue.putBack(receipts),
    queue.extend(receipts, 1_000),
  ]
  const gone = [
    intake.erase(unknown),
    db.erase('erasure', unknown),
    queue.removeDead(DEFAULT, unknown),
    queue.unsubscribe('nobody'),
  ]
  for (const promise of [...settled, ...gone]) t.ok(await isOpen(promise))
  await replicate()
  for (const promise of settled) t.match(await promise, { accepted: 0, stale: receipts })
  t.same(await Promise.all(gone), [false, null, false, false])
  await verdict
})
