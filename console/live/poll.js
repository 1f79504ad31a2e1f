import { ApiError, access, json, request } from '../api.js'
import { createStore } from '../store.js'
import { keepPoints, keptPoints, withPoint } from './history.js'
import { parseMetrics } from './prometheus.js'
import { paceBetween, readingOf, totalOf } from './reading.js'

/**
 * @typedef {import('./reading.js').QueueStats} QueueStats
 * @typedef {import('./reading.js').Subscription} Subscription
 * @typedef {import('./reading.js').Point} Point
 *
 * @typedef {object} Live
 * @property {Point[]} points the history of this tab, the older part thinned out
 * @property {boolean | null} reachable null before the first answer
 * @property {{ db: boolean, queue: boolean } | null} stores which of them answer
 * @property {Subscription[] | null} subscriptions those that the key may see
 * @property {QueueStats | null} queue of all these together
 * @property {number | null} cleanups how many are owed
 * @property {boolean | null} forwarderUp null where nothing is forwarded, or it is not known
 * @property {boolean | null} isAdmin whether the key may use all routes; null before the first answer
 * @property {{ metrics: string | null, queue: string | null }} refusals why figures are not given, in the service's words
 */

const EVERY_MS = 2_000
/** Back off while the rate limit refuses us. */
const WHEN_LIMITED_MS = 20_000
const PATIENCE_MS = 5_000

/** @type {import('../store.js').Store<Live>} */
export const live = createStore({
  points: keptPoints(),
  reachable: /** @type {boolean | null} */ (null),
  stores: null,
  subscriptions: null,
  queue: null,
  cleanups: null,
  forwarderUp: null,
  isAdmin: null,
  refusals: { metrics: null, queue: null },
})

/** @type {import('./reading.js').Reading | null} */
let last = null
let timer = 0
let round = 0
/** Paths that the key does not allow: do not ask again, since each refusal is a line in the service's log. */
const forbidden = new Map()

/** Polls the service while the page is visible. */
export function startPolling() {
  document.addEventListener('visibilitychange', pollNow)
  addEventListener('pagehide', () => keepPoints(live.get().points))
  let { key } = access.get()
  access.watch(() => {
    if (access.get().key === key) return
    key = access.get().key
    forbidden.clear()
    // An operator who forgets the key may leave the tab to somebody else.
    const points = access.get().asked === 'none' ? [] : live.get().points
    if (points.length === 0) keepPoints(points)
    live.set({ ...live.get(), isAdmin: null, points })
    pollNow()
  })
  pollNow()
}

/** Polls at once instead of at the next interval. */
export async function pollNow() {
  clearTimeout(timer)
  if (document.hidden) return
  const mine = ++round
  const answers = await ask()
  // A newer round has begun meanwhile.
  if (mine !== round) return
  live.set(liveAfter(live.get(), answers))
  const isLimited = [answers.metrics, answers.queue].some(
    (answer) => answer.status === 'rejected' && answer.reason.status === 429,
  )
  timer = setTimeout(pollNow, isLimited ? WHEN_LIMITED_MS : EVERY_MS)
}

/** @typedef {Awaited<ReturnType<typeof ask>>} Answers */

async function ask() {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const [health, metrics, queue] = await Promise.allSettled([
    json('health/ready', { signal }),
    askWithKey('metrics', signal).then((answer) => answer.text()),
    askWithKey('subscriptions', signal).then((answer) => answer.json()),
  ])
  return { at: Date.now() / 1000, health, metrics, queue }
}

/**
 * @param {string} path
 * @param {AbortSignal} signal
 */
async function askWithKey(path, signal) {
  // The service asks for a key: without one these calls would fail.
  if (access.get().asked !== false) throw new ApiError('')
  if (forbidden.has(path)) throw forbidden.get(path)
  return request(path, { signal }).catch((error) => {
    if (error.status === 403) forbidden.set(path, error)
    throw error
  })
}

/**
 * What the page shows after these answers. Keeps their metrics as the last reading.
 * @param {Live} before
 * @param {Answers} answers
 * @returns {Live}
 */
function liveAfter(before, { at, health, metrics, queue }) {
  const reachable = health.status === 'fulfilled' || health.reason.status > 0
  const reading = metrics.status === 'fulfilled' ? readingOf(parseMetrics(metrics.value), at) : null
  const pace = last !== null && reading !== null ? paceBetween(last, reading) : null
  last = reading
  /** @type {Subscription[] | null} */
  const subscriptions = queue.status === 'fulfilled' ? queue.value.subscriptions : null
  const total = subscriptions && totalOf(subscriptions)
  return {
    points: withPoint(before.points, { at, pace, queue: total }),
    reachable,
    stores: storesOf(health),
    subscriptions: subscriptions ?? (reachable ? null : before.subscriptions),
    queue: total ?? (reachable ? null : before.queue),
    cleanups: reading?.cleanups ?? null,
    forwarderUp: reading?.forwarderUp ?? null,
    // Of the routes that are polled, this one needs the scope.
    isAdmin: !(metrics.status === 'rejected' && metrics.reason.status === 403),
    refusals: { metrics: refusalOf(metrics), queue: refusalOf(queue) },
  }
}

/** @param {PromiseSettledResult<unknown>} health */
function storesOf(health) {
  if (health.status === 'fulfilled') return { db: true, queue: true }
  if (health.reason.code !== 'STORE_UNAVAILABLE') return null
  /** @type {string[]} */
  const down = health.reason.details.map((/** @type {import('../api.js').Detail} */ { path }) => path)
  return { db: !down.includes('db'), queue: !down.includes('queue') }
}

/** @param {PromiseSettledResult<unknown>} answer */
function refusalOf(answer) {
  if (answer.status === 'fulfilled' || !(answer.reason.status > 0)) return null
  return answer.reason.why
}
