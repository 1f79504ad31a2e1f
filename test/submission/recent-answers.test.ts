import { test } from 'tap'
import type { Answer } from '../../src/stores/ports.ts'
import { Erasures } from '../../src/submission/erasures.ts'
import { type RawRequest, RecentAnswers } from '../../src/submission/recent-answers.ts'
import { answer200, idOf } from '../contract/submissions.ts'
import { TestClock } from '../support/test-clock.ts'

const sent = (own: Partial<RawRequest> = {}): RawRequest => ({
  caller: '',
  key: 'k',
  url: '/formulas',
  body: Buffer.from('{"name":"Rose"}'),
  erasures: 0,
  ...own,
})
const answer = (document = '{"name":"Rose"}'): Answer => answer200([{ id: idOf('Rose'), outcome: 'added', document }])

test('the same bytes under the same key get the same answer', async (t) => {
  const answers = new RecentAnswers(new TestClock(), new Erasures(async () => 0))
  t.equal(answers.find(sent()), null)
  answers.remember(sent(), answer())
  t.same(await answers.find(sent({ body: Buffer.from('{"name":"Rose"}') })), answer())
})

test('a request that differs in anything is not answered from the cache', async (t) => {
  const answers = new RecentAnswers(new TestClock(), new Erasures(async () => 0))
  answers.remember(sent(), answer())
  for (const other of [
    { caller: 'lab' },
    { key: 'K' },
    { url: '/formulas?onDuplicate=skip' },
    { body: Buffer.from('{"name":"Rose" }') },
    { caller: '\0k', key: '' },
  ]) {
    t.equal(answers.find(sent(other)), null)
  }
})

test('an answer is cached for ten seconds, so that a stored one that expires is not replayed for long', async (t) => {
  const clock = new TestClock()
  const answers = new RecentAnswers(clock, new Erasures(async () => 0))
  answers.remember(sent(), answer())
  clock.advance(10_000)
  t.same(await answers.find(sent()), answer())
  clock.advance(1)
  t.equal(answers.find(sent()), null)
})

test('the cache is bounded: the oldest answers are evicted first', async (t) => {
  const answers = new RecentAnswers(new TestClock(), new Erasures(async () => 0))
  const large = 'x'.repeat(2 ** 20)
  for (let number = 0; number < 20; number++) answers.remember(sent({ key: `${number}` }), answer(large))
  const kept = Array.from({ length: 20 }, (_, number) => answers.find(sent({ key: `${number}` })) !== null)
  t.equal(kept.filter(Boolean).length, 7)
  t.same(kept.slice(-7), Array(7).fill(true))
})

test('an answer is not replayed if anything was erased since, or that cannot be known', async (t) => {
  let erasures = 4
  const answers = new RecentAnswers(new TestClock(), new Erasures(async () => erasures))
  const unknown = sent({ erasures: -1 })
  answers.remember(unknown, answer())
  t.equal(await answers.find(unknown), null, 'it was read before the number was known')
  t.equal(unknown.erasures, 4)
  answers.remember(unknown, answer())
  t.same(await answers.find(sent()), answer())
  erasures++
  t.equal(await answers.find(sent()), null)
  const failing = new RecentAnswers(new TestClock(), new Erasures(() => Promise.reject(new Error('down'))))
  failing.remember(sent(), answer())
  t.equal(await failing.find(sent()), null)
})

test('questions that arrive during one look at the number of erasures share the next look, never that one', async (t) => {
  const looks: PromiseWithResolvers<number>[] = []
  const erasures = new Erasures(() => {
    looks.push(Promise.withResolvers())
    return looks.at(-1)?.promise as Promise<number>
  })
  const turn = () => new Promise(setImmediate)
  const first = erasures.changedSince(0)
  await turn()
  const later = Promise.all([erasures.changedSince(0), erasures.changedSince(0)])
  await turn()
  t.equal(looks.length, 1)
  looks[0]?.resolve(0)
  t.equal(await first, false)
  await turn()
  t.equal(looks.length, 2)
  looks[1]?.resolve(1)
  t.same(await later, [true, true])
})
