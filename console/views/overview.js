import { Chart } from '../chart.js'
import { count, figure, NONE, span, time } from '../format.js'
import { RANGES, within } from '../live/history.js'
import { live } from '../live/poll.js'
import { Choice } from '../parts/field.js'
import { Heading } from '../parts/text.js'
import { createStore, useStore } from '../store.js'
import { html } from '../vendor/htm-preact.js'

/** @typedef {import('../live/poll.js').Point} Point */

const KEPT_AS = 'formula-intake.range'
const keptRange = localStorage.getItem(KEPT_AS)

/** How many seconds the charts go back; stored in this browser. */
const range = createStore(RANGES.some(([seconds]) => seconds === keptRange) ? String(keptRange) : '600')
range.watch(() => localStorage.setItem(KEPT_AS, range.get()))

/** @param {number | null | undefined} value */
const perSecond = (value) => (value === null || value === undefined ? NONE : `${figure(value)}/s`)

/** The state and the load of the service, live. */
export function Overview() {
  const { points, queue, cleanups, refusals } = useStore(live)
  const seconds = useStore(range)
  const latest = points.at(-1)
  return html`
    <${Heading} kicker="As it happens">Overview<//>
    ${Object.entries(refusals).map(
      ([what, why]) => why !== null && html`<p class="refusal" key=${what}>${REFUSED[what]} ${why}.</p>`,
    )}
    <dl class="tiles">
      <${Tile} name="Added" value=${perSecond(latest?.pace?.rates.added)} />
      <${Tile} name="99 % within" value=${span(latest?.pace?.p99)} />
      <${Tile} name="Ready" value=${count(queue?.ready)} href="#/subscriptions" />
      <${Tile} name="Oldest waits" value=${queue?.ready === 0 ? 'none' : span(queue?.oldestReadyAgeSeconds)} />
      <${Tile} name="Dead letters" value=${count(queue?.dead)} href="#/dead-letters" isAlarm=${(queue?.dead ?? 0) > 0} />
      <${Tile} name="Cleanups owed" value=${count(cleanups)} href="#/cleanups" isAlarm=${(cleanups ?? 0) > 0} />
    </dl>
    <div class="range"><${Choice} id="range" label="Charts of the last" value=${seconds} options=${RANGES} onValue=${range.set} /></div>
    <${Charts} points=${within(points, Number(seconds))} />
    <${Figures} points=${points} />`
}

/** @type {Record<string, string>} */
const REFUSED = { metrics: 'Submissions and latency are not shown:', queue: 'The queue is not shown:' }

/** @param {{ name: string, value: string, href?: string, isAlarm?: boolean }} props */
function Tile({ name, value, href, isAlarm = false }) {
  const name_ = href === undefined ? name : html`<a href=${href}>${name}</a>`
  return html`<div class=${isAlarm ? 'tile alarm' : 'tile'}><dt>${name_}</dt><dd>${value}</dd></div>`
}

/** @param {{ points: Point[] }} props */
function Charts({ points }) {
  const at = points.map((point) => point.at)
  /**
   * @param {string} label
   * @param {string} tone
   * @param {import('../chart.js').Line['stroke']} stroke
   * @param {(point: Point) => number | null | undefined} pick
   */
  const line = (label, tone, stroke, pick) => ({
    label,
    tone,
    stroke,
    values: points.map((point) => pick(point) ?? null),
  })
  return html`<div class="charts">
    <${Chart} title="Submissions by outcome" at=${at} format=${perSecond} lines=${[
      line('added', 'amber', 'solid', ({ pace }) => pace?.rates.added),
      line('replayed', 'rose', 'dashed', ({ pace }) => pace?.rates.replayed),
      line('already known', 'sage', 'dashed', ({ pace }) => pace?.rates.known),
      line('refused', 'iris', 'dotted', ({ pace }) => pace?.rates.refused),
      line('failed', 'red', 'dotted', ({ pace }) => pace?.rates.failed),
    ]} />
    <${Chart} title="Time to answer" at=${at} format=${span} lines=${[
      line('half within', 'sage', 'solid', ({ pace }) => pace?.p50),
      line('95 % within', 'amber', 'dashed', ({ pace }) => pace?.p95),
      line('99 % within', 'rose', 'dotted', ({ pace }) => pace?.p99),
    ]} />
    <${Chart} title="Events in all subscriptions" at=${at} format=${count} lines=${[
      line('ready', 'amber', 'solid', ({ queue }) => queue?.ready),
      line('leased', 'iris', 'dashed', ({ queue }) => queue?.leased),
      line('delayed', 'sage', 'dotted', ({ queue }) => queue?.delayed),
    ]} />
    <${Chart} title="Age of the oldest ready event" at=${at} format=${span} lines=${[
      line('oldest', 'rose', 'solid', ageOf),
    ]} />
  </div>`
}

/** @param {Point} point */
const ageOf = ({ queue }) => queue && (queue.oldestReadyAgeSeconds ?? 0)

/**
 * The latest figures of the charts as a table, for screen readers.
 * @param {{ points: Point[] }} props
 */
function Figures({ points }) {
  return html`<details class="figures">
    <summary>The latest figures as a table</summary>
    <div class="scroll" tabindex="0" role="region" aria-label="The latest figures">
      <table>
        <thead>
          <tr>${['Time', 'Added', 'Failed', '50 %', '99 %', 'Ready', 'Leased', 'Oldest'].map((name) => html`<th scope="col">${name}</th>`)}</tr>
        </thead>
        <tbody>
          ${points
            .slice(-10)
            .reverse()
            .map(
              (point) => html`<tr key=${point.at}>
              <th scope="row">${time(new Date(point.at * 1000).toISOString())}</th>
              ${figuresOf(point).map((figure) => html`<td>${figure}</td>`)}
            </tr>`,
            )}
        </tbody>
      </table>
    </div>
  </details>`
}

/** @param {Point} point */
function figuresOf(point) {
  const { pace, queue } = point
  const rates = [pace?.rates.added, pace?.rates.failed].map(perSecond)
  return [...rates, span(pace?.p50), span(pace?.p99), count(queue?.ready), count(queue?.leased), span(ageOf(point))]
}
