import { test } from 'tap'
import { median, medians, percentile, timingOf } from '../../bench/statistics.ts'

test('the median of an odd count is the middle one, in any order', async (t) => {
  t.equal(median([100, 9, 20]), 20)
  t.equal(median([7]), 7)
})

test('the median of an even count is the mean of the two in the middle', async (t) => {
  t.equal(median([4, 1, 3, 2]), 2.5)
})

test('median() does not sort its argument', async (t) => {
  const numbers = [3, 1, 2]
  median(numbers)
  t.same(numbers, [3, 1, 2])
})

test('medians are taken field by field', async (t) => {
  t.same(
    medians([
      { a: 1, b: 9 },
      { a: 3, b: 8 },
      { a: 2, b: 7 },
    ]),
    { a: 2, b: 8 },
  )
})

test('a percentile is one of the numbers, and 0 if there are none', async (t) => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1)
  t.equal(percentile(hundred, 50), 50)
  t.equal(percentile(hundred, 99), 99)
  t.equal(percentile([5], 99), 5)
  t.equal(percentile([], 99), 0)
  t.same(timingOf(hundred.toReversed()), { p50Ms: 50, p99Ms: 99 })
})
