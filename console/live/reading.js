import { quantile } from './prometheus.js'

/** @typedef {import('./prometheus.js').Sample} Sample */

/**
 * The figures that the console reads from one scrape of /metrics.
 * @typedef {object} Reading
 * @property {number} at when, in seconds
 * @property {number | null} startedAt the start time of the process: identifies it
 * @property {Record<string, number>} outcomes submissions by outcome, since the start
 * @property {Map<number, number>} buckets answers to submissions by upper bound in seconds, cumulative
 * @property {number | null} cleanups how many are owed
 * @property {boolean | null} forwarderUp whether events reach every sink; null where nothing is forwarded
 */

/**
 * Outcomes grouped by line in the chart.
 * @type {Record<'added' | 'replayed' | 'known' | 'refused' | 'failed', readonly string[]>}
 */
export const GROUPS = {
  added: ['added'],
  replayed: ['replayed'],
  known: ['exists'],
  refused: ['invalid', 'reused', 'in_use'],
  failed: ['failed', 'stopping', 'overloaded'],
}

/**
 * @typedef {keyof typeof GROUPS} Group
 * @typedef {{ rates: Record<Group, number>, p50: number | null, p95: number | null, p99: number | null }} Pace
 *
 * One point in the charts; unknown parts are null.
 * @typedef {{ at: number, pace: Pace | null, queue: QueueStats | null }} Point
 */

/**
 * @param {Map<string, Sample[]>} metrics
 * @param {number} at in seconds
 * @returns {Reading}
 */
export function readingOf(metrics, at) {
  /** @param {string} name */
  const only = (name) => metrics.get(name)?.[0]?.value ?? null
  const forwarders = metrics.get('intake_forwarder_up')
  return {
    at,
    startedAt: only('process_start_time_seconds'),
    outcomes: Object.fromEntries(
      (metrics.get('intake_submissions_total') ?? []).map(({ labels, value }) => [labels.outcome, value]),
    ),
    buckets: submissionBuckets(metrics.get('http_request_duration_seconds_bucket') ?? []),
    cleanups: only('intake_cleanups_owed'),
    forwarderUp: forwarders?.every(({ value }) => value > 0) ?? null,
  }
}

/**
 * @typedef {{ ready: number, leased: number, delayed: number, dead: number, oldestReadyAgeSeconds: number | null }} QueueStats
 * @typedef {QueueStats & { name: string, createdAt: string, paused: boolean }} Subscription
 */

/**
 * The figures of several subscriptions together; the age is that of the oldest event.
 * @param {QueueStats[]} subscriptions
 * @returns {QueueStats}
 */
export function totalOf(subscriptions) {
  const sum = (/** @type {'ready' | 'leased' | 'delayed' | 'dead'} */ state) =>
    subscriptions.reduce((total, figures) => total + figures[state], 0)
  const ages = subscriptions.flatMap(({ oldestReadyAgeSeconds: age }) => age ?? [])
  return {
    ready: sum('ready'),
    leased: sum('leased'),
    delayed: sum('delayed'),
    dead: sum('dead'),
    oldestReadyAgeSeconds: ages.length > 0 ? Math.max(...ages) : null,
  }
}

/** @param {Sample[]} samples */
function submissionBuckets(samples) {
  /** @type {Map<number, number>} */
  const buckets = new Map()
  for (const { labels, value } of samples) {
    if (labels.method !== 'POST' || labels.route !== '/formulas') continue
    const bound = labels.le === '+Inf' ? Infinity : Number(labels.le)
    // There is one series for each status.
    buckets.set(bound, (buckets.get(bound) ?? 0) + value)
  }
  return buckets
}

/**
 * Rates and latencies between two readings.
 * @param {Reading} before
 * @param {Reading} after
 * @returns {Pace | null} null after a restart of the process, which resets its counters
 */
export function paceBetween(before, after) {
  const seconds = after.at - before.at
  if (seconds <= 0 || before.startedAt !== after.startedAt) return null
  const buckets = [...after.buckets]
    .sort(([a], [b]) => a - b)
    .map(([bound, upTo]) => /** @type {[number, number]} */ ([bound, upTo - (before.buckets.get(bound) ?? 0)]))
  const grown = Object.entries(GROUPS).map(([group, outcomes]) => {
    const counts = outcomes.map((outcome) => (after.outcomes[outcome] ?? 0) - (before.outcomes[outcome] ?? 0))
    return { group, counts }
  })
  const fell = [...grown.flatMap(({ counts }) => counts), ...buckets.map(([, count]) => count)].some((n) => n < 0)
  if (fell) return null
  const rates = grown.map(({ group, counts }) => [group, counts.reduce((sum, n) => sum + n, 0) / seconds])
  return {
    rates: Object.fromEntries(rates),
    p50: quantile(buckets, 0.5),
    p95: quantile(buckets, 0.95),
    p99: quantile(buckets, 0.99),
  }
}
