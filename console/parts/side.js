import { access, forgetKey } from '../api.js'
import { count } from '../format.js'
import { live } from '../live/poll.js'
import { useStore } from '../store.js'
import { nextTheme, theme } from '../theme.js'
import { html } from '../vendor/htm-preact.js'

const PLACES = [
  { view: 'overview', name: 'Overview' },
  { view: 'formulas', name: 'Formulas' },
  { view: 'submit', name: 'Submit' },
  { view: 'subscriptions', name: 'Subscriptions' },
  { view: 'dead-letters', name: 'Dead letters', scope: 'admin' },
  { view: 'cleanups', name: 'Cleanups', scope: 'admin' },
]

/**
 * The name plate, the ways to the views, and whether the service is well.
 * @param {{ view: string }} props the view that is shown
 */
export function Side({ view }) {
  const { queue, cleanups, isAdmin } = useStore(live)
  const { key, asked } = useStore(access)
  const chosen = useStore(theme)
  /** @type {Record<string, number | null | undefined>} */
  const waiting = { 'dead-letters': queue?.dead, cleanups }
  return html`<header class="side">
    <a class="plate" href="#/overview">
      <img src="console/favicon.svg" alt="" width="40" height="40" />
      <span><strong>Formula intake</strong><small>Operator’s console</small></span>
    </a>
    <nav aria-label="Views">
      <ul>
        ${PLACES.map(({ view: its, name, scope }) => {
          const isClosed = scope !== undefined && isAdmin === false
          const owed = isClosed ? 0 : (waiting[its] ?? 0)
          return html`<li key=${its}>
            <a href="#/${its}" aria-current=${its === view ? 'page' : null}>
              ${name}${owed > 0 && html` <span class="badge">${count(owed)}</span>`}
              ${isClosed && html` <small>needs ${scope}</small>`}
            </a>
          </li>`
        })}
      </ul>
    </nav>
    <${Health} />
    <div class="actions">
      <button class="quiet small" onClick=${nextTheme}>Colours: ${chosen}</button>
      ${key === null && !asked && html`<a href="docs">HTTP interface</a> <a href="metrics">Metrics</a>`}
      ${key !== null && html`<button class="quiet small" onClick=${forgetKey}>Forget the key</button>`}
    </div>
  </header>`
}

function Health() {
  const { reachable, stores, forwarderUp } = useStore(live)
  return html`<section class="health" aria-label="Health">
    <dl>
      <${Lamp} name="Service" isUp=${reachable} />
      <${Lamp} name="Database" isUp=${stores?.db ?? null} />
      <${Lamp} name="Queue" isUp=${stores?.queue ?? null} />
      ${forwarderUp !== null && html`<${Lamp} name="Forwarder" isUp=${forwarderUp} up="sends" down="fails" />`}
    </dl>
  </section>`
}

/** @param {{ name: string, isUp: boolean | null, up?: string, down?: string }} props */
function Lamp({ name, isUp, up = 'answers', down = 'does not answer' }) {
  const state = isUp === null ? 'unknown' : isUp ? up : down
  const tone = isUp === null ? 'off' : isUp ? 'up' : 'down'
  return html`<div><dt>${name}</dt><dd class="lamp ${tone}"><span>${state}</span></dd></div>`
}
