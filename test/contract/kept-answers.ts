import type { Test } from 'tap'
import type { Answer, AnswerEntry, NewFormula, Stores, Submission } from '../../src/stores/ports.ts'
import { type OpenStores, start } from './open-stores.ts'
import { again, answer200, answerOf, eraseFormula, formula, idOf, NOON, shown, submission } from './submissions.ts'

type WithoutClose = Omit<Stores, 'close'>

/** The two commit strategies. */
const STRATEGIES: Record<string, (stores: WithoutClose, one: Submission) => Promise<Answer>> = {
  'one transaction': async ({ intake }, one) => {
    if (intake === null) throw new Error('database and queue are two engines')
    return answerOf(await intake.accept(one))
  },
  saga: async ({ db }, one) => {
    const verdict = await db.add(one.id, one)
    if (verdict.kind !== 'added') return answerOf(verdict)
    const decision = await db.complete(one.id)
    if (decision.kind !== 'completed') throw new Error('not completed')
    return decision.answer
  },
}

/** The replayed answer to the same payload under the same key, which must not differ between callers. */
async function replayed(t: Test, stores: WithoutClose, one: Submission): Promise<Answer> {
  const { db, idempotency, intake } = stores
  const record = await idempotency.find(one.caller, one.key)
  t.match(record, { submissionId: one.id, payload: one.payload })
  const later = { ...again(one), createdAt: one.createdAt + 5000 }
  const verdict = { kind: 'answered', submissionId: one.id, answer: record?.answer }
  t.same(await db.add(later.id, later), verdict)
  t.same(await intake?.accept(later), verdict)
  return record?.answer as Answer
}

/** A formula whose document has about `mib` MiB. */
function large(name: string, concentration: string, mib: number): NewFormula {
  const document = `{"name":"${name}","x":"${'\u8349'.repeat((mib * 2 ** 20) / 3)}"}`
  return { ...formula(name, concentration), document }
}

async function erase({ db }: WithoutClose, id: string): Promise<boolean> {
  return eraseFormula(db, id)
}

/** Formulas with the compositions 1 to `count` under other names, sent later. */
const renamed = (count: number): NewFormula[] =>
  Array.from({ length: count }, (_, n) => formula('renamed', `${n + 1}`, undefined, NOON + 60_000))

/** A stored answer holds no copy of its formulas. */
export async function keptAnswerPromises(t: Test, open: OpenStores): Promise<void> {
  for (const [strategy, submitBy] of Object.entries(STRATEGIES)) {
    t.test(`${strategy}: a replay is the first answer`, async (t) => {
      const stores = await start(t, open)
      const [a, b, c, d] = ['1', '2', '3', '4'].map((one) => formula(`n${one}`, one)) as [
        NewFormula,
        NewFormula,
        NewFormula,
        NewFormula,
      ]
      const odd = { ...d, id: idOf('odd'), document: '{ "name" : "Cafe\u0301 \\u00e9", "n": [1.0 , 2e0] }' }
      const sent: [Submission, Answer][] = [
        [submission([a]), answer200([shown(a)])],
        [submission([c, b]), answer200([shown(c), shown(b)])],
        [submission(renamed(1)), { status: 409, duplicates: [{ path: '', id: a.id }] }],
        [
          submission([...renamed(4), odd, formula('twin', '4')], { onDuplicate: 'skip', createdAt: NOON + 60_000 }),
          answer200([
            ...[a, b, c].map((one) => shown(one, 'duplicate')),
            shown({ ...d, document: renamed(4)[3]?.document ?? '' }),
            shown(odd),
            shown({ ...d, document: renamed(4)[3]?.document ?? '' }, 'duplicate'),
          ]),
        ],
        [submission([formula('x', '1')], { onDuplicate: 'skip' }), answer200([shown(a, 'duplicate')])],
        [submission([odd], { onDuplicate: 'skip', single: false }), answer200([shown(odd, 'duplicate')], false)],
      ]
      for (const [one, answer] of sent) t.same(await submitBy(stores, one), answer)
      for (const [one, answer] of sent) t.same(await replayed(t, stores, one), answer)
    })

    t.test(`${strategy}: a list of 1,000 formulas, every second one a duplicate, is replayed the same`, async (t) => {
      const stores = await start(t, open)
      const all = Array.from({ length: 1000 }, (_, n) => formula(`n${n}`, `${n + 1}`))
      await submitBy(stores, submission(all.filter((_, n) => n % 2 === 1)))
      const mixed = submission(all, { onDuplicate: 'skip' })
      const answer = answer200(all.map((one, n) => shown(one, n % 2 === 1 ? 'duplicate' : 'added')))
      t.same(await submitBy(stores, mixed), answer)
      t.same(await replayed(t, stores, mixed), answer)
    })

    t.test(`${strategy}: after 4 MiB of documents, further duplicates are answered with their ids alone`, async (t) => {
      const stores = await start(t, open)
      const stored = ['1', '2', '3', '4'].map((one) => large(`n${one}`, one, 1.5))
      for (const one of stored) await submitBy(stores, submission([one]))
      const fresh = formula('fresh', '5')
      const list = submission([...renamed(4), fresh, { ...fresh }], { onDuplicate: 'skip' })
      const entries: AnswerEntry[] = [...stored, fresh].map((one) => shown(one, 'duplicate'))
      entries[3] = { id: stored[3]?.id ?? '', outcome: 'duplicate', document: null }
      entries[4] = shown(fresh)
      entries.push({ id: fresh.id, outcome: 'duplicate', document: null })
      t.same(await submitBy(stores, list), answer200(entries))
      t.same(await replayed(t, stores, list), answer200(entries))
      await erase(stores, stored[3]?.id ?? '')
      t.same(await replayed(t, stores, list), { status: 410 }, 'also what is told by its id is looked for')
    })

    t.test(`${strategy}: an answer that shows an erased formula is gone, but its key stays used`, async (t) => {
      const stores = await start(t, open, { answerTtlMs: 60_000 })
      const [a, b] = [formula('a', '1'), formula('b', '2')]
      const single = submission([a])
      const list = submission([b, formula('c', '3')])
      const skipping = submission(renamed(1), { onDuplicate: 'skip' })
      const refused = submission(renamed(1))
      const other = submission([renamed(2)[1] as NewFormula], { onDuplicate: 'skip' })
      for (const one of [single, list, skipping, refused, other]) await submitBy(stores, one)
      t.equal(await erase(stores, a.id), true)
      const gone: Answer = { status: 410 }
      t.same(await replayed(t, stores, single), gone)
      t.same(await replayed(t, stores, skipping), gone)
      t.same(await replayed(t, stores, refused), { status: 409, duplicates: [{ path: '', id: a.id }] })
      t.same(await replayed(t, stores, other), answer200([shown(b, 'duplicate')]))
      t.equal(await erase(stores, b.id), true)
      t.same(await replayed(t, stores, list), gone, 'one of a list is enough')
      const reusing = submission([formula('d', '4')], { key: single.key })
      t.same(await stores.intake?.accept(reusing), { kind: 'reused' })
      t.same(await stores.db.add('reusing', reusing), { kind: 'reused' })
      stores.clock.advance(60_000)
      t.same(
        await submitBy(stores, reusing),
        answer200(reusing.formulas.map((one) => shown(one))),
        'it expires as ever',
      )
    })

    t.test(`${strategy}: storing an erased composition again does not bring its old answer back`, async (t) => {
      const stores = await start(t, open)
      const first = submission([formula('first')])
      await submitBy(stores, first)
      await erase(stores, formula('first').id)
      const second = submission([formula('second')])
      t.same(await submitBy(stores, second), answer200([shown(formula('second'))]))
      t.same(await replayed(t, stores, first), { status: 410 })
      t.same(await replayed(t, stores, second), answer200([shown(formula('second'))]))
    })
  }

  t.test('a completed saga whose formula was erased says so when it is asked again', async (t) => {
    const { db, cleanups, clock } = await start(t, open)
    const one = submission([formula('a')])
    await db.add('1', one)
    t.match(await db.complete('1'), { answer: { status: 200 } })
    await eraseFormula(db, formula('a').id)
    t.match(await db.complete('1'), { kind: 'completed', answer: { status: 410 } })
    clock.advance(60_000)
    t.match(await cleanups.due(10), [{ id: '1', decision: { kind: 'completed', answer: { status: 410 } } }])
  })
}
