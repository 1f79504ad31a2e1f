import t, { type Test } from 'tap'
import type { NewFormula } from '../../src/stores/ports.ts'
import { keptAnswerPromises } from './kept-answers.ts'
import { type OpenStores, start } from './open-stores.ts'
import { again, answer200, eraseFormula, formula, NOON, shown, store, submission } from './submissions.ts'

/** The contract of every idempotency store. */
export function idempotencyStoreContract(name: string, open: OpenStores): void {
  t.test(`${name} idempotency store: answers`, (t) => answerPromises(t, open))
  t.test(`${name} idempotency store: answers by reference`, (t) => keptAnswerPromises(t, open))
  t.test(`${name} idempotency store: states of submissions`, (t) => statusPromises(t, open))
  t.test(`${name} idempotency store: sweeps`, (t) => sweepPromises(t, open))
}

async function answerPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('an answer is found under its caller and key alone', async (t) => {
    const { db, idempotency } = await start(t, open)
    const done = submission([formula('a')], { caller: 'lab', key: 'Key"1 ' })
    await store(db, done)
    t.match(await idempotency.find('lab', 'Key"1 '), { submissionId: done.id, payload: done.payload })
    for (const [caller, key] of [
      ['', 'Key"1 '],
      ['lab', 'key"1 '],
      ['LAB', 'Key"1 '],
      ['lab', 'Key"1'],
      ['lab', ''],
    ]) {
      t.equal(await idempotency.find(caller as string, key as string), null, `${caller}/${key}`)
    }
  })

  t.test('caller and key are not merely concatenated', async (t) => {
    const { db, idempotency } = await start(t, open)
    await store(db, submission([formula('a', '1')], { caller: 'x', key: 'yz' }))
    await store(db, submission([formula('b', '2')], { caller: 'xy', key: 'z' }))
    const answers = [await idempotency.find('x', 'yz'), await idempotency.find('xy', 'z')].map((found) => found?.answer)
    t.same(answers, [answer200([shown(formula('a', '1'))]), answer200([shown(formula('b', '2'))])])
  })

  t.test('an answer expires at its time, neither sooner nor later', async (t) => {
    const { db, idempotency, clock } = await start(t, open, { answerTtlMs: 1000 })
    const done = submission([formula('a')])
    await db.add('1', done)
    clock.advance(500)
    await db.complete('1')
    await db.finish('1')
    clock.advance(999)
    t.match(await idempotency.find('', done.key), { submissionId: done.id })
    clock.advance(1)
    t.equal(await idempotency.find('', done.key), null)
  })

  t.test('an expired key is free, swept or not, and its new answer lives its full time', async (t) => {
    const { db, idempotency, clock } = await start(t, open, { answerTtlMs: 1000 })
    const first = submission([formula('a', '1')])
    await store(db, first)
    clock.advance(1000)
    const second = submission([formula('b', '2')], { key: first.key })
    await store(db, second)
    await idempotency.sweep(10)
    t.match(await idempotency.find('', first.key), { submissionId: second.id, payload: second.payload })
    clock.advance(1000)
    t.match(await db.add('3', again(first)), { kind: 'answered', answer: { status: 409 } })
  })
}

async function statusPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a saga is unfinished until it is complete, and nothing once it is rolled back', async (t) => {
    const { db, idempotency } = await start(t, open)
    const one = submission([formula('a')], { caller: 'lab', createdAt: NOON + 7 })
    const status = () => idempotency.status('lab', one.key)
    t.equal(await status(), null)
    await db.add('1', one)
    t.same(await status(), { submittedAt: NOON + 7 })
    t.equal(await idempotency.status('', one.key), null, 'of another caller')
    await db.abandon('1', 'failed')
    t.same(await status(), { submittedAt: NOON + 7 }, 'while the rollback is owed')
    await db.remove('1')
    t.equal(await status(), null)
    await db.add('2', one)
    await db.complete('2')
    const done = { submittedAt: NOON + 7, status: 200, formulaIds: [formula('a').id] }
    t.same(await status(), done)
    await db.finish('2')
    t.same(await status(), done)
  })

  t.test('a finished submission has the ids of its list, duplicates and erased formulas included', async (t) => {
    const { db, idempotency, intake } = await start(t, open)
    const [a, b, c] = ['1', '2', '3'].map((one) => formula(`n${one}`, one)) as [NewFormula, NewFormula, NewFormula]
    await store(db, submission([b]))
    const list = submission([c, a, b, { ...a }], { onDuplicate: 'skip', createdAt: NOON + 7 })
    const refused = submission([b])
    for (const one of [list, refused]) await (intake ? intake.accept(one) : db.add(one.id, one))
    if (intake === null) await db.complete(list.id)
    const done = { submittedAt: NOON + 7, status: 200, formulaIds: [c, a, b, a].map(({ id }) => id) }
    t.same(await idempotency.status('', list.key), done)
    t.same(await idempotency.status('', refused.key), { submittedAt: NOON, status: 409 })
    for (const { id } of [a, b]) t.equal(await eraseFormula(db, id), true)
    t.same(await idempotency.status('', list.key), done)
    await store(db, submission([a]))
    t.same(await idempotency.status('', list.key), done, 'also when one is stored again')
  })

  t.test('an expired answer has no state', async (t) => {
    const { db, idempotency, clock } = await start(t, open, { answerTtlMs: 1000 })
    const one = submission([formula('a')])
    await store(db, one)
    clock.advance(999)
    t.match(await idempotency.status('', one.key), { status: 200 })
    clock.advance(1)
    t.equal(await idempotency.status('', one.key), null)
  })
}

async function sweepPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a sweep removes expired answers up to its limit, and no others', async (t) => {
    const { db, idempotency, clock } = await start(t, open, { answerTtlMs: 1000 })
    for (const concentration of ['1', '2', '3']) await store(db, submission([formula('old', concentration)]))
    clock.advance(500)
    const young = submission([formula('young', '4')])
    await store(db, young)
    t.equal(await idempotency.sweep(10), 0)
    clock.advance(500)
    t.equal(await idempotency.sweep(2), 2)
    t.equal(await idempotency.sweep(2), 1)
    t.equal(await idempotency.sweep(2), 0)
    t.match(await idempotency.find('', young.key), { submissionId: young.id })
  })

  t.test('a sweep leaves formulas alone', async (t) => {
    const { db, idempotency, clock } = await start(t, open, { answerTtlMs: 1000 })
    await store(db, submission([formula('a')]))
    clock.advance(1000)
    t.equal(await idempotency.sweep(10), 1)
    t.match(await db.get(formula('a').id), { document: formula('a').document })
  })

  t.test('a sweep keeps the tombstones of attempts that are younger than an answer may be', async (t) => {
    const { db, idempotency, clock } = await start(t, open, { answerTtlMs: 1000 })
    await db.abandon('1', 'failed')
    clock.advance(999)
    await idempotency.sweep(10)
    t.same(await db.add('1', submission([formula('a')])), { kind: 'given-up' })
  })
}
