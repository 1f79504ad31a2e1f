/**
 * One figure of a metric.
 * @typedef {{ labels: Record<string, string>, value: number }} Sample
 */

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?[ \t]+(\S+)/
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g

/**
 * Reads Prometheus' text format.
 * @param {string} text
 * @returns {Map<string, Sample[]>} the samples of each metric by its name
 */
export function parseMetrics(text) {
  /** @type {Map<string, Sample[]>} */
  const metrics = new Map()
  for (const line of text.split('\n')) {
    const [, name, labels = '', figure = ''] = LINE.exec(line) ?? []
    const value = readNumber(figure)
    if (name === undefined || Number.isNaN(value)) continue
    const samples = metrics.get(name) ?? []
    samples.push({ labels: readLabels(labels), value })
    metrics.set(name, samples)
  }
  return metrics
}

/** @param {string} text */
function readLabels(text) {
  const labels = [...text.matchAll(LABEL)].map(([, name, value = '']) => [name, unescaped(value)])
  return /** @type {Record<string, string>} */ (Object.fromEntries(labels))
}

/** @param {string} text */
const unescaped = (text) => text.replace(/\\(.)/g, (_, character) => (character === 'n' ? '\n' : character))

/** @param {string} text */
const readNumber = (text) => Number(text.replace('Inf', 'Infinity'))

/**
 * Estimates a quantile from histogram buckets, interpolating linearly within each.
 * @param {[bound: number, upTo: number][]} buckets cumulative counts in ascending order of bounds
 * @param {number} q 0 to 1
 * @returns {number | null} null where nothing was observed
 */
export function quantile(buckets, q) {
  const total = buckets.at(-1)?.[1] ?? 0
  if (total <= 0) return null
  const rank = q * total
  let [lower, before] = [0, 0]
  for (const [bound, upTo] of buckets) {
    if (upTo >= rank) {
      // Nothing is known beyond the last finite bound.
      if (bound === Infinity) return lower
      return upTo === before ? bound : lower + ((bound - lower) * (rank - before)) / (upTo - before)
    }
    lower = bound
    before = upTo
  }
  return lower
}
