import { test } from 'tap'
import { Deadline } from '../../src/kit/clock.ts'
import { TestClock } from '../support/test-clock.ts'

test('a deadline passes though the clock was set back, and gives no more time than before', async (t) => {
  const clock = new TestClock()
  const deadline = new Deadline(clock, 1_000)
  clock.advance(400)
  t.equal(deadline.left, 600)
  clock.setBack(3_600_000)
  t.equal(deadline.left, 600)
  t.equal(deadline.at, clock.now() + 600)
  clock.advance(500)
  t.equal(deadline.left, 100)
  clock.advance(100)
  t.equal(deadline.left, 0)
})

test('a deadline that nobody looked at before the clock was set back gives its whole time again at most', async (t) => {
  const clock = new TestClock()
  const deadline = new Deadline(clock, 1_000)
  clock.advance(400)
  clock.setBack(3_600_000)
  t.equal(deadline.left, 1_000)
})
