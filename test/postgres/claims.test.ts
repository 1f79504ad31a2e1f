import t from 'tap'
import { BatchScheduler } from '../../src/stores/batch-scheduler.ts'
import type { AddVerdict } from '../../src/stores/ports.ts'
import { type BatchItem, Claims, toBatchItem } from '../../src/stores/postgres/intake.ts'
import { formula, submission } from '../contract/submissions.ts'

const DONE: AddVerdict = { kind: 'given-up' }

/** Collects the batches of the intake; each ends at once or when the test ends it. */
function setUp(held?: Promise<void>) {
  const batches: BatchItem[][] = []
  const claims = new Claims()
  const scheduler = new BatchScheduler<BatchItem, AddVerdict>({
    admit: () => claims.admit(),
    async run(items) {
      batches.push(items)
      await held
      claims.release(items)
      return items.map(() => DONE)
    },
  })
  return { scheduler, batches }
}

/** A submission whose documents have about this many characters. */
function large(characters: number): BatchItem {
  const item = toBatchItem(submission([formula('a', `${++made}`)]), null)
  return { ...item, length: characters }
}

let made = 0

t.test('large submissions are committed a few at a time, so that none waits for all of them', async (t) => {
  const { scheduler, batches } = setUp()
  await Promise.all(Array.from({ length: 20 }, () => scheduler.add(large(2 ** 20))))
  t.same(
    batches.map(({ length }) => length),
    [4, 4, 4, 4, 4],
  )
})

t.test('submissions of the same composition are never in flight together, and delay no others', async (t) => {
  const held = Promise.withResolvers<void>()
  const { scheduler, batches } = setUp(held.promise)
  const [wanted, other] = [large(100), large(100)]
  const all = [scheduler.add(wanted), scheduler.add({ ...wanted }), scheduler.add(other)]
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.same(batches, [[wanted, other]])
  held.resolve()
  await Promise.all(all)
  t.same(batches, [[wanted, other], [wanted]])
})
