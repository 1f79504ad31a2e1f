/** @typedef {import('./reading.js').Point} Point */

/** @type {readonly (readonly [seconds: string, name: string])[]} */
export const RANGES = [
  ['600', '10 minutes'],
  ['3600', '1 hour'],
  ['21600', '6 hours'],
]

const LONGEST_SECONDS = 21_600
/** Every point is kept so long; of older ones, the first of each step. */
const FINE_SECONDS = 600
const STEP_SECONDS = 30
/** Breaks the line where the page was hidden or closed. */
const GAP_SECONDS = 6

/**
 * The history with one more point.
 * @param {Point[]} points
 * @param {Point} point
 * @returns {Point[]}
 */
export function withPoint(points, point) {
  // Drop points in the future: the clock may have been set back, and chart times must ascend.
  const kept = points.filter(
    ({ at }, index) =>
      at < point.at &&
      at > point.at - LONGEST_SECONDS &&
      (at > point.at - FINE_SECONDS || isFirstOfStep(points[index - 1], /** @type {Point} */ (points[index]))),
  )
  const latest = kept.at(-1)
  const isGap = latest !== undefined && point.at - latest.at > GAP_SECONDS
  return [...kept, ...(isGap ? [{ at: latest.at + 0.001, pace: null, queue: null }] : []), point]
}

/**
 * @param {Point | undefined} before
 * @param {Point} point
 */
function isFirstOfStep(before, point) {
  if (before === undefined || stepOf(before) !== stepOf(point)) return true
  return isBreak(point) && !isBreak(before)
}

/** @param {Point} point */
const stepOf = ({ at }) => Math.floor(at / STEP_SECONDS)

/** @param {Point} point */
const isBreak = ({ pace, queue }) => pace === null && queue === null

/**
 * The points of the last seconds.
 * @param {Point[]} points
 * @param {number} seconds
 */
export function within(points, seconds) {
  const since = (points.at(-1)?.at ?? 0) - seconds
  return points.filter(({ at }) => at >= since)
}

/** Another service on the same host may have a console too, under another path. */
const keptAs = () => `formula-intake.history ${location.pathname}`

/** @returns {Point[]} those of this tab before it was reloaded */
export function keptPoints() {
  try {
    return JSON.parse(sessionStorage.getItem(keptAs()) ?? '[]')
  } catch {
    return []
  }
}

/** @param {Point[]} points none: nothing is kept any more */
export function keepPoints(points) {
  try {
    if (points.length === 0) sessionStorage.removeItem(keptAs())
    else sessionStorage.setItem(keptAs(), JSON.stringify(points))
  } catch {
    // The storage is full: the history then ends with the page.
  }
}
