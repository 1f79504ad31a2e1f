import { test } from 'tap'
import { median, percentile } from '../../bench/median.ts'
import { timingOf } from '../../bench/timing.ts'

test('the median of an odd number is the one in the middle, whatever their order', async (t) => {
  t.equal(median([100, 9, 20]), 20)
  t.equal(median([7]), 7)
})

test('the median of an even number lies between the two in the middle', async (t) => {
  t.equal(median([4, 1, 3, 2]), 2.5)
})

test('the numbers are left in their order', async (t) => {
  const numbers = [3, 1, 2]
  median(numbers)
  t.same(numbers, [3, 1, 2])
})

test('a percentile is one of the numbers, and 0 where there are none', async (t) => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1)
  t.equal(percentile(hundred, 50), 50)
  t.equal(percentile(hundred, 99), 99)
  t.equal(percentile([5], 99), 5)
  t.equal(percentile([], 99), 0)
  t.same(timingOf(hundred.toReversed()), { p50Ms: 50, p99Ms: 99 })
})
