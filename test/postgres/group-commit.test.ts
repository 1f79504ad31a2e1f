import t from 'tap'
import type { AddVerdict } from '../../src/stores/ports.ts'
import { type BatchItem, toBatchItem } from '../../src/stores/postgres/batch-item.ts'
import { GroupCommit } from '../../src/stores/postgres/group-commit.ts'
import { formula, submission } from '../contract/submissions.ts'

const DONE: AddVerdict = { kind: 'given-up' }

/** A group commit that keeps every batch, and ends it when told, or at once. */
function setUp(held?: Promise<void>) {
  const batches: BatchItem[][] = []
  const group = new GroupCommit(async (members) => {
    batches.push(members)
    await held
    return members.map(() => DONE)
  })
  return { group, batches }
}

/** A submission whose materials take about so many characters. */
function large(characters: number): BatchItem {
  const member = toBatchItem(submission([formula('a', `${++made}`)]), null)
  return { ...member, length: characters }
}

let made = 0

t.test('large submissions are committed a few at a time, so that none waits for all of them', async (t) => {
  const { group, batches } = setUp()
  await Promise.all(Array.from({ length: 20 }, () => group.add(large(2 ** 20), 1_000)))
  t.same(
    batches.map(({ length }) => length),
    [4, 4, 4, 4, 4],
  )
})

t.test('what arrives together is committed together', async (t) => {
  const { group, batches } = setUp()
  await Promise.all(Array.from({ length: 20 }, () => group.add(large(100), 1_000)))
  t.equal(batches.length, 1)
  await Promise.all(Array.from({ length: 100 }, () => group.add(large(100), 1_000)))
  t.ok(batches.length <= 4, 'two are under way, and the rest goes in one')
})

t.test('what wants the same make-up is not under way at the same time, and keeps nobody else waiting', async (t) => {
  const held = Promise.withResolvers<void>()
  const { group, batches } = setUp(held.promise)
  const [wanted, other] = [large(100), large(100)]
  const all = [group.add(wanted, 1_000), group.add({ ...wanted }, 1_000), group.add(other, 1_000)]
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.same(batches, [[wanted, other]])
  held.resolve()
  await Promise.all(all)
  t.same(batches, [[wanted, other], [wanted]])
})
