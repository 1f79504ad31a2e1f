import t, { type Test } from 'tap'
import { StoreUnavailable } from '../../src/errors/store-errors.ts'
import { DEFAULT } from '../contract/leasing.ts'
import { again, answerOf, events, formula, submission } from '../contract/submissions.ts'
import { contentsOf, openEngine } from '../support/postgres/engines.ts'
import { Network } from '../support/postgres/network.ts'
import { startPostgres } from '../support/postgres/server.ts'

const server = await startPostgres({ durable: false })
t.teardown(() => server.stop())

const WRITE = /formula_intake\.write\(/
const ACK = /formula_intake\.ack\(/
const MAKE_VOID = /INSERT INTO formula_intake\.writes AS w/
const COMPLETE = /formula_intake\.complete\(/
const RELEASE = /formula_intake\.release\(/
const COMMIT = /^COMMIT$/

/** An engine behind a network that makes statements fail, and another instance on the same database. */
async function setUp(t: Test) {
  const url = await server.createDatabase()
  const network = await Network.start(t, url)
  const [engine, other] = [await openEngine(t, network.url), await openEngine(t, url)]
  /** Delays writes and fails the checks of their outcome, which stays unknown. */
  const loseSight = (): void =>
    network.choose((text) => (WRITE.test(text) ? 'late' : MAKE_VOID.test(text) ? 'before' : null))
  return { ...engine, network, other, loseSight }
}

t.test('a commit whose answer is lost is looked up: the submission is answered, and stored once', async (t) => {
  const { intake, network, other } = await setUp(t)
  network.first(WRITE, 'after')
  const first = submission([formula('a')])
  const verdict = await intake.accept(first)
  t.match(verdict, { kind: 'answered', submissionId: first.id, answer: { status: 200 } })
  t.same(await contentsOf(other), { formulas: ['a'], events: 1 })
  t.same(await other.intake.accept(again(first)), verdict, 'and its key replays that answer')
})

t.test('a commit that never reached the server is an error, and stored when it is tried again', async (t) => {
  const { intake, network, other } = await setUp(t)
  network.first(WRITE, 'before')
  const first = submission([formula('a')])
  await t.rejects(intake.accept(first), StoreUnavailable)
  t.same(await contentsOf(other), { formulas: [], events: 0 })
  t.equal(answerOf(await intake.accept(first)).status, 200)
  t.same(await contentsOf(other), { formulas: ['a'], events: 1 })
})

t.test('a late commit takes no effect once its call has failed, even if nobody gave the submission up', async (t) => {
  const { intake, network, other } = await setUp(t)
  network.first(WRITE, 'late')
  const first = submission([formula('a')])
  await t.rejects(intake.accept(first), StoreUnavailable)
  t.equal(await network.release(), 1)
  t.same(await contentsOf(other), { formulas: [], events: 0 })
})

t.test('what was given up while its commit was on its way never takes effect', async (t) => {
  const { intake, network, other, loseSight } = await setUp(t)
  loseSight()
  const first = submission([formula('a')])
  await t.rejects(intake.accept(first), StoreUnavailable)
  await t.rejects(intake.giveUp(first.id), StoreUnavailable, 'not while nobody can be asked')
  network.choose()
  await intake.giveUp(first.id)
  t.equal(await network.release(), 1)
  t.same(await contentsOf(other), { formulas: [], events: 0 })
  t.same(await intake.accept(first), { kind: 'given-up' })
  t.equal(answerOf(await other.intake.accept(again(first))).status, 200, 'and its key is free')
})

t.test('every commit of a submission that was tried again and given up is void', async (t) => {
  const { intake, network, other, loseSight } = await setUp(t)
  loseSight()
  const first = submission([formula('a')])
  for (let attempt = 0; attempt < 3; attempt++) await t.rejects(intake.accept(first), StoreUnavailable)
  network.choose()
  await intake.giveUp(first.id)
  t.equal(await network.release(), 3)
  t.same(await contentsOf(other), { formulas: [], events: 0 })
})

t.test('a submission that was stored before it was given up stays, and its key replays it', async (t) => {
  const { intake, idempotency, network, other, loseSight } = await setUp(t)
  loseSight()
  const first = submission([formula('a')])
  await t.rejects(intake.accept(first), StoreUnavailable)
  await network.release()
  network.choose()
  await intake.giveUp(first.id)
  t.match(await idempotency.find('', first.key), { submissionId: first.id, answer: { status: 200 } })
  t.match(await intake.accept(first), { kind: 'answered', submissionId: first.id })
  t.same(await contentsOf(other), { formulas: ['a'], events: 1 })
})

t.test(
  'a late commit takes no effect even if its submission was given up because its composition was busy',
  async (t) => {
    const { intake, network, other, loseSight } = await setUp(t)
    loseSight()
    const wanted = formula('a')
    const first = submission([wanted])
    await t.rejects(intake.accept(first), StoreUnavailable)
    network.choose()
    await other.db.add('1', submission([wanted]))
    t.same(await intake.accept(first), { kind: 'busy', wants: 'composition', holder: 'submission' })
    await intake.giveUp(first.id)
    await other.db.abandon('1', 'it failed')
    await other.db.remove('1')
    t.equal(await network.release(), 1)
    t.same(await contentsOf(other), { formulas: [], events: 0 })
  },
)

t.test(
  'a late commit takes no effect even if another call of its submission was waiting when it was given up',
  async (t) => {
    const { intake, network, other, loseSight } = await setUp(t)
    loseSight()
    const first = submission([formula('a')])
    await t.rejects(intake.accept(first), StoreUnavailable)
    const waiting = intake.accept(first)
    await t.rejects(intake.giveUp(first.id), StoreUnavailable)
    t.same(await waiting, { kind: 'given-up' })
    network.choose()
    await intake.giveUp(first.id)
    t.equal(await network.release(), 1)
    t.same(await contentsOf(other), { formulas: [], events: 0 })
  },
)

t.test('of several late commits of one submission one takes effect', async (t) => {
  const { intake, network, other, loseSight } = await setUp(t)
  loseSight()
  const first = submission([formula('a'), formula('b', '2')])
  for (let attempt = 0; attempt < 3; attempt++) await t.rejects(intake.accept(first), StoreUnavailable)
  t.equal(await network.release(), 3)
  t.same(await contentsOf(other), { formulas: ['a', 'b'], events: 2 })
  network.choose()
  t.match(await intake.accept(first), { kind: 'answered', submissionId: first.id })
})

t.test('a late batch stores the submissions that still need it, each once', async (t) => {
  const { intake, network, other, loseSight } = await setUp(t)
  loseSight()
  const [retried, left] = [submission([formula('retried', '1')]), submission([formula('left', '2')])]
  const both = await Promise.allSettled([intake.accept(retried), intake.accept(left)])
  t.match(both, [{ status: 'rejected' }, { status: 'rejected' }])
  network.choose()
  t.match(await intake.accept(retried), { kind: 'answered', answer: { status: 200 } })
  t.equal(await network.release(), 1, 'both were one batch')
  t.same(await contentsOf(other), { formulas: ['left', 'retried'], events: 2 })
})

t.test('giving up one submission voids its whole late batch: the others are retried', async (t) => {
  const { intake, network, other, loseSight } = await setUp(t)
  loseSight()
  const [gone, left] = [submission([formula('gone', '1')]), submission([formula('left', '2')])]
  await Promise.allSettled([intake.accept(gone), intake.accept(left)])
  network.choose()
  await intake.giveUp(gone.id)
  t.equal(await network.release(), 1)
  t.same(await contentsOf(other), { formulas: [], events: 0 })
  t.match(await intake.accept(left), { kind: 'answered', answer: { status: 200 } })
  t.same(await contentsOf(other), { formulas: ['left'], events: 1 })
})

t.test(
  'saga: an intent whose answer is lost is found, and one that is late is refused once it is abandoned',
  async (t) => {
    const { db, network, other, loseSight } = await setUp(t)
    network.first(WRITE, 'after')
    t.match(await db.add('1', submission([formula('a')])), { kind: 'added', events: [{ id: formula('a').id }] })
    loseSight()
    await t.rejects(db.add('2', submission([formula('b', '2')])), StoreUnavailable)
    network.choose()
    t.same(await db.abandon('2', 'given up'), { kind: 'abandoned' })
    await db.remove('2')
    t.equal(await network.release(), 1)
    t.match(await other.db.add('3', submission([formula('b', '2')])), { kind: 'added' }, 'its composition is free')
  },
)

t.test('saga: a commit point whose answer is lost is found', async (t) => {
  const { db, network, other } = await setUp(t)
  await db.add('1', submission([formula('a')]))
  network.first(COMPLETE, 'after')
  await t.rejects(db.complete('1'), StoreUnavailable)
  t.match(await db.abandon('1', 'it failed'), { kind: 'completed', events: [{ id: formula('a').id }] })
  t.same(await contentsOf(other), { formulas: ['a'], events: 0 })
})

t.test('saga: a read-only server gives no decision, not even one made before', async (t) => {
  const { db } = await setUp(t)
  await db.add('1', submission([formula('a')]))
  await db.complete('1')
  await server.setReadOnly(true)
  try {
    await t.rejects(db.abandon('1', 'it failed'), StoreUnavailable)
    await t.rejects(db.complete('1'), StoreUnavailable)
  } finally {
    await server.setReadOnly(false)
  }
  t.match(await db.abandon('1', 'it failed'), { kind: 'completed' })
})

t.test('saga: a commit point that is late does not bring back what was abandoned', async (t) => {
  const { db, network, other } = await setUp(t)
  await db.add('1', submission([formula('a')]))
  network.first(COMPLETE, 'late')
  await t.rejects(db.complete('1'), StoreUnavailable)
  t.same(await db.abandon('1', 'it failed'), { kind: 'abandoned' })
  t.equal(await network.release(), 1)
  t.same(await db.complete('1'), { kind: 'abandoned' })
  await db.remove('1')
  t.same(await contentsOf(other), { formulas: [], events: 0 })
})

t.test('saga: events whose COMMIT is lost are shown once, and those whose COMMIT is late are removed', async (t) => {
  const { queue, network, other } = await setUp(t)
  network.first(COMMIT, 'after')
  await t.rejects(queue.publish('1', events('a')), StoreUnavailable)
  t.equal(await queue.publish('1', events('a')), true)
  for (const mishap of ['after', 'before'] as const) {
    network.first(RELEASE, mishap)
    await t.rejects(queue.release('1', events('a')), StoreUnavailable)
  }
  await queue.release('1', events('a'))
  t.same(await contentsOf(other), { formulas: [], events: 1 })

  network.first(COMMIT, 'late')
  await t.rejects(queue.publish('2', events('b')), StoreUnavailable)
  const removed = queue.remove('2')
  t.equal(await network.release(), 1)
  await removed
  await queue.release('2', events('b'))
  t.same(await contentsOf(other), { formulas: [], events: 1 }, 'a removal waits for it')
})

t.test('leased events are delivered even if the query for the next due time fails', async (t) => {
  const { intake, queue, network } = await setUp(t)
  await intake.accept(submission([formula('a')]))
  network.first(/SELECT least\(/, 'before')
  t.match((await queue.receive(DEFAULT, 1, 30_000)).events, [{ id: formula('a').id, receiveCount: 1 }])
})

t.test('an ack whose answer is lost took effect or not, and a repeat shows which', async (t) => {
  const { intake, queue, network, other } = await setUp(t)
  await intake.accept(submission([formula('a'), formula('b', '2')]))
  const { events } = await queue.receive(DEFAULT, 2, 30_000)
  const [first = '', second = ''] = events.map(({ receipt }) => receipt)
  network.first(ACK, 'after')
  await t.rejects(queue.ack([first]), StoreUnavailable)
  network.first(ACK, 'before')
  await t.rejects(queue.ack([second]), StoreUnavailable)
  network.choose()
  t.same(await queue.ack([first, second]), { accepted: 1, stale: [first] })
  t.match(await other.queue.stats(DEFAULT), { ready: 0, leased: 0 })
})
