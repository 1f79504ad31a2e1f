import { test } from 'tap'
import type { Answer } from '../../src/stores/ports.ts'
import { type RawRequest, RecentAnswers } from '../../src/submission/recent-answers.ts'
import { answer200, idOf } from '../contract/submissions.ts'
import { TestClock } from '../support/test-clock.ts'

const sent = (own: Partial<RawRequest> = {}): RawRequest => ({
  caller: '',
  key: 'k',
  url: '/formulas',
  body: Buffer.from('{"name":"Rose"}'),
  ...own,
})
const answer = (document = '{"name":"Rose"}'): Answer => answer200([{ id: idOf('Rose'), outcome: 'added', document }])

test('the same bytes under the same key get the same answer', async (t) => {
  const answers = new RecentAnswers(new TestClock())
  t.equal(answers.find(sent()), null)
  answers.remember(sent(), answer())
  t.same(answers.find(sent({ body: Buffer.from('{"name":"Rose"}') })), answer())
})

test('a request that differs in anything is not answered from the cache', async (t) => {
  const answers = new RecentAnswers(new TestClock())
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
  const answers = new RecentAnswers(clock)
  answers.remember(sent(), answer())
  clock.advance(10_000)
  t.same(answers.find(sent()), answer())
  clock.advance(1)
  t.equal(answers.find(sent()), null)
})

test('the cache is bounded: the oldest answers are evicted first', async (t) => {
  const answers = new RecentAnswers(new TestClock())
  const large = 'x'.repeat(2 ** 20)
  for (let number = 0; number < 20; number++) answers.remember(sent({ key: `${number}` }), answer(large))
  const kept = Array.from({ length: 20 }, (_, number) => answers.find(sent({ key: `${number}` })) !== null)
  t.equal(kept.filter(Boolean).length, 7)
  t.same(kept.slice(-7), Array(7).fill(true))
})
