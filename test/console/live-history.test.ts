import { test } from 'tap'
import { within, withPoint } from '../../console/live/history.js'

const point = (at: number) => ({
  at,
  pace: null,
  queue: { ready: at, leased: 0, delayed: 0, dead: 0, oldestReadyAgeSeconds: 0 },
})

test('ten minutes are kept point by point, older ones every 30 seconds, up to six hours', async (t) => {
  let points: ReturnType<typeof withPoint> = []
  for (let at = 30_000; at <= 60_000; at += 2) points = withPoint(points, point(at))
  const seconds = points.map(({ at }) => at)
  t.equal(within(points, 600).length, 301)
  t.ok((seconds[0] ?? 0) >= 60_000 - 21_600)
  t.same(seconds.slice(1, 4), [(seconds[0] ?? 0) + 30, (seconds[0] ?? 0) + 60, (seconds[0] ?? 0) + 90])
  t.ok(points.length < 1_010, `${points.length} points`)
})

test('the line is broken where the page was away, also once that is long ago', async (t) => {
  let points = withPoint([point(1_000)], point(1_004))
  points = withPoint(points, point(1_100))
  t.match(points[2], { pace: null, queue: null })
  for (let at = 1_102; at <= 3_000; at += 2) points = withPoint(points, point(at))
  t.equal(points.filter(({ queue }) => queue === null).length, 1)
})

test('points from before the clock was set back are dropped', async (t) => {
  t.same(
    withPoint([point(10), point(20)], point(15)).map(({ at }) => at),
    [10, 15],
  )
})
