import t from 'tap'
import { backoffMs } from '../../src/kit/backoff.ts'

const limits = { baseMs: 1_000, maxMs: 10_000 }
const pauseMs = (failures: number, random: number): number => backoffMs(failures, limits, () => random)

t.test('the longest pause doubles with each failure, up to the cap', async (t) => {
  const longest = [1, 2, 3, 4, 5, 6].map((failures) => pauseMs(failures, 1))
  t.same(longest, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
})

t.test('full jitter: a pause is anywhere between zero and the longest', async (t) => {
  t.same([pauseMs(3, 0), pauseMs(3, 0.25)], [0, 1_000])
})

t.test('the cap holds after a thousand failures', async (t) => {
  t.equal(pauseMs(1_000, 0.5), 5_000)
})
