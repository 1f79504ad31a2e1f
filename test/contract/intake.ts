import t, { type Test } from 'tap'
import type { Intake, NewFormula, Stores, Verdict } from '../../src/stores/ports.ts'
import type { TestClock } from '../support/test-clock.ts'
import { DEFAULT, lease } from './leasing.ts'
import { type OpenOptions, type OpenStores, start } from './open-stores.ts'
import { again, answer200, answerOf, formula, listed, NOON, namesIn, shown, submission } from './submissions.ts'

/** The contract of every engine that holds database and queue together. */
export function intakeContract(name: string, open: OpenStores): void {
  t.test(`${name} intake: acceptance`, (t) => acceptPromises(t, open))
  t.test(`${name} intake: repetition`, (t) => repetitionPromises(t, open))
  t.test(`${name} intake: together`, (t) => concurrencyPromises(t, open))
  t.test(`${name} intake: giving up`, (t) => giveUpPromises(t, open))
}

type WithIntake = Omit<Stores, 'close'> & { intake: Intake; clock: TestClock }

async function startIntake(t: Test, open: OpenStores, options?: Omit<OpenOptions, 'clock'>): Promise<WithIntake> {
  const { intake, ...stores } = await start(t, open, options)
  if (intake === null) throw new Error('database and queue are two engines')
  return { ...stores, intake }
}

const countsOf = (verdicts: Verdict[], status: number): number =>
  verdicts.filter((verdict) => verdict.kind === 'answered' && verdict.answer.status === status).length

async function acceptPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('formulas, events and answer are stored together', async (t) => {
    const { intake, db, queue, idempotency } = await startIntake(t, open)
    const list = submission([formula('a', '2'), formula('b', '1')], { createdAt: NOON - 5 })
    const verdict = await intake.accept(list)
    const answer = answer200(list.formulas.map((one) => shown(one)))
    t.same(verdict, { kind: 'answered', submissionId: list.id, answer })
    const stored = (await listed(db, { limit: 10 })).items
    t.match(stored, list.formulas.map(({ id, document }) => ({ id, document })).toReversed())
    t.same(await idempotency.find('', list.key), { submissionId: list.id, payload: list.payload, answer })
    const events = await Promise.all(
      list.formulas.map(async ({ id, eventBody: body }) => {
        return { id, createdAt: NOON - 5, body, seq: (await db.get(id))?.seq }
      }),
    )
    t.match(await lease(queue), events, 'an event has the number of its formula, and the time of its submission')
  })

  t.test('events are queued in the order of acceptance', async (t) => {
    const { intake, queue } = await startIntake(t, open)
    for (const name of ['c', 'a', 'b']) await intake.accept(submission([formula(name, '1', name)]))
    t.same(namesIn(await lease(queue)), ['c', 'a', 'b'])
  })

  t.test('a long list keeps its order, in the list and in the queue', async (t) => {
    const { intake, db, queue } = await startIntake(t, open)
    const names = Array.from({ length: 60 }, (_, n) => `Rose ${n}`)
    await intake.accept(submission(names.map((name, n) => formula(name, `${n + 1}`))))
    t.same(namesIn((await listed(db, { limit: 100 })).items), names.toReversed())
    t.same(namesIn(await lease(queue)), names)
  })

  t.test('a refused list stores nothing and publishes nothing', async (t) => {
    const { intake, db, queue } = await startIntake(t, open)
    await intake.accept(submission([formula('a', '1')]))
    const answer = answerOf(await intake.accept(submission([formula('b', '2'), formula('c', '1')])))
    t.equal(answer.status, 409)
    t.equal(await db.get(formula('b', '2').id), null)
    t.equal((await queue.stats(DEFAULT)).ready, 1)
  })

  t.test('of a list with skipped duplicates only the new formulas have events', async (t) => {
    const { intake, queue } = await startIntake(t, open)
    await intake.accept(submission([formula('a', '1')]))
    const formulas = [formula('b', '1'), formula('c', '2'), formula('d', '2')]
    const answer = answerOf(await intake.accept(submission(formulas, { onDuplicate: 'skip' })))
    const [, c] = formulas as [NewFormula, NewFormula]
    t.same(answer, answer200([shown(formula('a', '1'), 'duplicate'), shown(c), shown(c, 'duplicate')]))
    t.equal(namesIn(await lease(queue)).join(''), 'ac')
  })

  t.test('listeners of the queue are called once per submission with new events', async (t) => {
    const { intake, queue } = await startIntake(t, open)
    let told = 0
    queue.onReady(() => told++)
    await intake.accept(submission([formula('a', '1'), formula('b', '2')]))
    t.equal(told, 1)
  })
}

async function repetitionPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('the same submission again is answered again, never stored twice', async (t) => {
    const { intake, db, queue, clock } = await startIntake(t, open)
    const first = submission([formula('a')])
    const verdict = await intake.accept(first)
    clock.advance(1000)
    t.same(await intake.accept(first), verdict)
    t.equal((await listed(db, { limit: 10 })).items.length, 1)
    t.equal((await queue.stats(DEFAULT)).ready, 1)
  })

  t.test('a later submission of the key gets the first answer, a 409 as well as a 200', async (t) => {
    const { intake } = await startIntake(t, open)
    for (const status of [200, 409]) {
      const first = submission([formula('a')])
      const verdict = await intake.accept(first)
      t.equal(answerOf(verdict).status, status)
      t.same(await intake.accept(again(first)), verdict)
      t.match(verdict, { submissionId: first.id })
    }
  })

  t.test('a key with another payload is refused, and free again when it has expired', async (t) => {
    const { intake, clock } = await startIntake(t, open, { answerTtlMs: 1000 })
    const first = submission([formula('a', '1')])
    await intake.accept(first)
    const other = submission([formula('b', '2')], { key: first.key })
    clock.advance(999)
    t.same(await intake.accept(other), { kind: 'reused' })
    clock.advance(1)
    t.match(await intake.accept(other), { kind: 'answered', submissionId: other.id, answer: { status: 200 } })
  })
}

async function concurrencyPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a key sent many times at once is stored once, and all get its answer', async (t) => {
    const { intake, db } = await startIntake(t, open)
    const first = submission([formula('a')])
    const verdicts = await Promise.all(Array.from({ length: 20 }, () => intake.accept(again(first))))
    t.equal(countsOf(verdicts, 200), 20)
    t.equal(new Set(verdicts.map((verdict) => JSON.stringify(verdict))).size, 1)
    t.equal((await listed(db, { limit: 10 })).items.length, 1)
  })

  t.test('submissions committed in one batch are each replayed with their own formulas', async (t) => {
    const { intake, idempotency } = await startIntake(t, open)
    const all = Array.from({ length: 20 }, (_, n) =>
      submission([formula(`a${n}`, `${n + 1}`), formula(`b${n}`, `${n + 101}`)]),
    )
    await Promise.all(all.map((one) => intake.accept(one)))
    for (const { key, formulas } of all) {
      const answer = answer200(formulas.map((one) => shown(one)))
      t.same((await idempotency.find('', key))?.answer, answer)
    }
  })

  t.test('one conflict in a batch does not affect the other submissions', async (t) => {
    const { intake, db, queue } = await startIntake(t, open)
    const concentrations = Array.from({ length: 50 }, (_, index) => `${index === 25 ? 1 : index + 1}`)
    const accepted = concentrations.map((concentration) => intake.accept(submission([formula('a', concentration)])))
    const verdicts = await Promise.all(accepted)
    t.equal(countsOf(verdicts, 200), 49)
    t.equal(countsOf(verdicts, 409), 1)
    t.equal((await listed(db, { limit: 200 })).items.length, 49)
    t.equal((await queue.stats(DEFAULT)).ready, 49)
  })
}

async function giveUpPromises(t: Test, open: OpenStores): Promise<void> {
  t.test('a submission that was given up cannot be accepted any more, but its key is free', async (t) => {
    const { intake, db, queue, idempotency } = await startIntake(t, open)
    const first = submission([formula('a')])
    await intake.giveUp(first.id)
    await intake.giveUp(first.id)
    t.same(await intake.accept(first), { kind: 'given-up' })
    t.equal(await db.get(formula('a').id), null)
    t.equal(await idempotency.find('', first.key), null)
    t.equal((await queue.stats(DEFAULT)).ready, 0)
    t.match(await intake.accept(again(first)), { kind: 'answered', answer: { status: 200 } })
    t.same(await intake.accept(first), { kind: 'given-up' })
  })

  t.test('giving up takes nothing back: an answer that was kept is found by its key', async (t) => {
    const { intake, db, idempotency } = await startIntake(t, open)
    const first = submission([formula('a')])
    const verdict = await intake.accept(first)
    await intake.giveUp(first.id)
    t.same(await intake.accept(first), verdict)
    t.same(await idempotency.find('', first.key), {
      submissionId: first.id,
      payload: first.payload,
      answer: answerOf(verdict),
    })
    t.match(await db.get(formula('a').id), { document: formula('a').document })
  })

  t.test('a submission given up while it is on its way is answered or refused, never half', async (t) => {
    const { intake, db, queue } = await startIntake(t, open)
    const first = submission([formula('a')])
    const [verdict] = await Promise.all([intake.accept(first), intake.giveUp(first.id)])
    const stored = verdict.kind === 'answered' ? 1 : 0
    t.equal((await listed(db, { limit: 10 })).items.length, stored)
    t.equal((await queue.stats(DEFAULT)).ready, stored)
  })

  t.test('a submission that was given up stays refused for as long as answers are kept', async (t) => {
    const { intake, idempotency, clock } = await startIntake(t, open, { answerTtlMs: 1000 })
    const first = submission([formula('a')])
    await intake.giveUp(first.id)
    clock.advance(999)
    await idempotency.sweep(10)
    t.same(await intake.accept(first), { kind: 'given-up' })
  })
}
