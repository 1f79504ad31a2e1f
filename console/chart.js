import { clock, span, time } from './format.js'
import { useStore } from './store.js'
import { colours } from './theme.js'
import { html, useEffect, useRef, useState } from './vendor/htm-preact.js'

/**
 * @typedef {object} Line
 * @property {string} label
 * @property {string} tone the name of its colour in the style sheet
 * @property {'solid' | 'dashed' | 'dotted'} stroke distinguishes lines without colour
 * @property {(number | null)[]} values
 */

/** @type {Record<Line['stroke'], number[]>} */
const DASHES = { solid: [], dashed: [7, 4], dotted: [2, 3] }
const HEIGHT = 168
const SHORTEST_SECONDS = 60

/**
 * A line chart over time; its legend shows the latest figures, or those under the pointer.
 * @param {{ title: string, at: number[], lines: Line[], format: (value: number | null | undefined) => string }} props
 */
export function Chart({ title, at, lines, format }) {
  const [hovered, setHovered] = useState(/** @type {number | null} */ (null))
  const shown = hovered ?? at.length - 1
  const moment =
    hovered === null || at[hovered] === undefined ? 'now' : time(new Date(at[hovered] * 1000).toISOString())
  const summary = lines.map(({ label, values }) => `${label} ${format(values.at(-1))}`).join(', ')
  return html`<figure class="card chart">
    <figcaption><h2>${title}</h2><span class="moment">${moment}</span></figcaption>
    <${Plot} label=${`${title}: ${summary}`} at=${at} lines=${lines} format=${format} onHover=${setHovered} />
    <dl class="legend">
      ${lines.map(
        ({ label, tone, stroke, values }) => html`<div key=${label}>
          <dt><span class="swatch" style=${{ color: `var(--${tone})`, borderTopStyle: stroke }} aria-hidden="true"></span>${label}</dt>
          <dd>${format(values[shown])}</dd>
        </div>`,
      )}
    </dl>
  </figure>`
}

/**
 * @param {{
 *   label: string, at: number[], lines: Line[],
 *   format: (value: number | null | undefined) => string, onHover: (index: number | null) => void,
 * }} props
 */
function Plot({ label, at, lines, format, onHover }) {
  const host = useRef(/** @type {HTMLElement | null} */ (null))
  const plot = useRef(/** @type {uPlot | null} */ (null))
  const change = useStore(colours)
  // A point before the first: of a single one uPlot shows the whole day.
  const lead = at.slice(0, 1).map((first) => first - 0.001)
  const none = lead.map(() => null)
  const data = /** @type {uPlot.AlignedData} */ ([
    [...lead, ...at],
    ...lines.map(({ values }) => [...none, ...drawn(values)]),
  ])

  // The plot is created anew when colours change; new data is set on it.
  useEffect(() => {
    const element = /** @type {HTMLElement} */ (host.current)
    const made = new uPlot(options(element, lines, format, onHover), data, element)
    plot.current = made
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }))
    resized.observe(element)
    return () => {
      resized.disconnect()
      made.destroy()
    }
  }, [change])
  useEffect(() => plot.current?.setData(data), [at])
  return html`<div class="plot" role="img" aria-label=${label} ref=${host}></div>`
}

/**
 * @param {HTMLElement} element
 * @param {Line[]} lines
 * @param {(value: number | null | undefined) => string} format
 * @param {(index: number | null) => void} onHover
 * @returns {uPlot.Options}
 */
function options(element, lines, format, onHover) {
  const incrs = format === span ? SPAN_STEPS : undefined
  const ink = colourOf(element, 'soft')
  const grid = { stroke: colourOf(element, 'rule'), width: 1 }
  const axis = { stroke: ink, grid, ticks: { show: false }, font: `11px ${getComputedStyle(element).fontFamily}` }
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [8, 26, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    scales: {
      x: { range: (_, first, last) => (last === null ? untilNow() : [Math.min(first, last - SHORTEST_SECONDS), last]) },
      y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] },
    },
    axes: [
      { ...axis, grid: { show: false }, values: (_, splits) => splits.map(clock), size: 28, space: 80 },
      { ...axis, values: (_, splits) => splits.map((split) => format(split)), size: 62, space: 32, incrs },
    ],
    series: [
      {},
      ...lines.map(({ label, tone, stroke }) => {
        const colour = colourOf(element, tone)
        const fill = stroke === 'solid' ? colour.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.12)') : undefined
        return { label, stroke: colour, width: 1.75, dash: DASHES[stroke], points: { show: false }, fill }
      }),
    ],
    // The point before the first is none of the caller's.
    hooks: { setCursor: [({ cursor }) => onHover(cursor.idx ? cursor.idx - 1 : null)] },
  }
}

/** Axis steps for time spans that are round in the unit shown, in seconds. */
const SPAN_STEPS = [
  ...[-6, -5, -4, -3, -2, -1, 0].flatMap((digits) => [1, 2, 5].map((step) => step * 10 ** digits)),
  ...[10, 20, 30],
  ...[1, 2, 5, 10, 20, 30].map((minutes) => minutes * 60),
  ...[1, 2, 4, 6, 12, 24, 48, 96].map((hours) => hours * 3600),
]

/** @returns {[number, number]} the time range of an empty chart, in seconds */
function untilNow() {
  const now = Date.now() / 1000
  return [now - SHORTEST_SECONDS, now]
}

/**
 * Hides lines that are always 0: they would cover the axis, and the legend shows their figure.
 * @param {(number | null)[]} values
 */
const drawn = (values) => (values.some((value) => value !== null && value > 0) ? values : values.map(() => null))

/**
 * The computed colour of a tone in the style sheet, for the canvas.
 * @param {HTMLElement} element
 * @param {string} tone
 */
function colourOf(element, tone) {
  const probe = document.createElement('span')
  probe.style.color = `var(--${tone})`
  element.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}
