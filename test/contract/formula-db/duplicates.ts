import type { Test } from 'tap'
import type { Answer, NewFormula } from '../../../src/stores/ports.ts'
import { type OpenStores, start } from '../open-stores.ts'
import { answer200, answerOf, formula, listed, NOON, namesIn, shown, store, submission } from '../submissions.ts'

const conflict = (...duplicates: { path: string; id: string }[]): Answer => ({ status: 409, duplicates })

/** What happens to compositions that are already stored. */
export async function duplicatePromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a composition already stored is refused under any name, and the refusal kept', async (t) => {
    const { db, idempotency } = await start(t, open)
    await store(db, submission([formula('Rose')]))
    const second = submission([formula('Tulip')])
    const verdict = await db.add('2', second)
    const answer = conflict({ path: '', id: formula('Rose').id })
    t.same(verdict, { kind: 'answered', submissionId: second.id, answer })
    const { id: submissionId, payload } = second
    t.same(await idempotency.find('', second.key), { submissionId, payload, answer })
  })

  t.test('one duplicate keeps the whole list out; each is named, in the order of the list', async (t) => {
    const { db, idempotency } = await start(t, open)
    const [a, b, c] = [formula('a', '1'), formula('b', '2'), formula('c', '3')]
    await store(db, submission([a, b]))
    const list = submission([c, b, a])
    const answer = conflict({ path: '/1', id: b.id }, { path: '/2', id: a.id })
    t.same(answerOf(await db.add('2', list)), answer)
    t.same((await idempotency.find('', list.key))?.answer, answer)
    t.equal(await db.get(c.id), null)
  })

  t.test('twins in a list are refused, only the later named', async (t) => {
    const { db } = await start(t, open)
    const verdict = await db.add('1', submission([formula('a'), formula('b', '2'), formula('c')]))
    t.same(answerOf(verdict), conflict({ path: '/2', id: formula('a').id }))
    t.same((await listed(db, { limit: 10 })).items, [])
  })

  t.test('a list of one names its member, not the body', async (t) => {
    const { db } = await start(t, open)
    await store(db, submission([formula('a')]))
    const verdict = await db.add('2', submission([formula('a')], { single: false }))
    t.same(answerOf(verdict), conflict({ path: '/0', id: formula('a').id }))
  })
}

/** How duplicates are skipped. */
export async function skipPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('the new ones are added, the others shown as they are stored', async (t) => {
    const { db, idempotency, clock } = await start(t, open)
    const old = formula('old')
    await store(db, submission([old]))
    clock.advance(1000)
    const createdAt = NOON + 1000
    const [other, fresh, twin] = [
      formula('other name', '1', undefined, createdAt),
      formula('fresh', '2', undefined, createdAt),
      formula('twin', '2', undefined, createdAt),
    ] as [NewFormula, NewFormula, NewFormula]
    const list = submission([other, fresh, twin], { onDuplicate: 'skip', createdAt })
    const event = { id: fresh.id, seq: null, createdAt, body: fresh.eventBody }
    t.same(await db.add('2', list), { kind: 'added', events: [event] })
    const answer = answer200([shown(old, 'duplicate'), shown(fresh), shown(fresh, 'duplicate')])
    t.match(await db.complete('2'), { kind: 'completed', answer, events: [{ ...event, seq: Number }] })
    t.same((await idempotency.find('', list.key))?.answer, answer)
    t.same(namesIn((await listed(db, { limit: 10 })).items), ['fresh', 'old'])
  })

  t.test('when all are duplicates the answer is kept at once and nothing is to be published', async (t) => {
    const { db, idempotency } = await start(t, open)
    const rose = formula('Rose')
    await store(db, submission([rose]))
    const second = submission([formula('Tulip')], { onDuplicate: 'skip' })
    const answer = answer200([shown(rose, 'duplicate')])
    t.same(await db.add('2', second), { kind: 'answered', submissionId: second.id, answer })
    t.same((await idempotency.find('', second.key))?.answer, answer)
    t.same(await db.complete('2'), { kind: 'abandoned' })
  })

  t.test('an answer says whether one formula was sent or a list', async (t) => {
    const { db, idempotency } = await start(t, open)
    for (const single of [true, false]) {
      const one = formula('Rose', single ? '1' : '2')
      const sent = submission([one], { onDuplicate: 'skip', single })
      await db.add(sent.id, sent)
      t.match(await db.complete(sent.id), { kind: 'completed', answer: answer200([shown(one)], single) })
      t.same((await idempotency.find('', sent.key))?.answer, answer200([shown(one)], single))
    }
  })
}
