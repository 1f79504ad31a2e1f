import { plural } from '../format.js'
import { live } from '../live/poll.js'
import { Summary, Trouble, useLoad, Waiting } from '../parts/load.js'
import { Moment } from '../parts/text.js'
import { useStore } from '../store.js'
import { html, useEffect } from '../vendor/htm-preact.js'

/**
 * @typedef {'ready' | 'leased' | 'delayed' | 'dead' | 'done'} State
 * @typedef {{ subscription: string, state: State, receiveCount: number, dueAt: string | null }} Delivery
 */

/** @type {Record<State, string>} */
const MEANING = {
  ready: 'waits to be received',
  leased: 'a consumer works on it',
  delayed: 'given back, due later',
  dead: 'out of leases',
  done: 'acknowledged',
}

/**
 * How far the event of a formula is in each subscription.
 * @param {{ id: string }} props
 */
export function Deliveries({ id }) {
  const { data, error, at, reload } = useLoad(`formulas/${encodeURIComponent(id)}/deliveries`)
  const deliveries = /** @type {{ deliveries: Delivery[] } | null} */ (data)?.deliveries ?? null
  // Follow the queue as it is polled.
  const figures = JSON.stringify(
    useStore(live).subscriptions?.map(({ ready, leased, delayed, dead }) => [ready, leased, delayed, dead]),
  )
  useEffect(() => {
    if (deliveries !== null) reload()
  }, [figures])
  return html`<section class="card sheet" aria-labelledby="deliveries-title">
    <h2 id="deliveries-title">Its event</h2>
    ${error !== null && html`<${Trouble} error=${error} retry=${reload} />`}
    ${deliveries === null && error === null && html`<${Waiting} />`}
    ${
      deliveries !== null &&
      html`<${Summary} at=${at} reload=${reload}>${plural(deliveries.length, 'subscription')}<//>
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">Subscription</th><th scope="col">State</th><th scope="col" class="number">Leases</th>
              <th scope="col">Due</th>
            </tr>
          </thead>
          <tbody>${deliveries.map((each) => html`<${Row} key=${each.subscription} delivery=${each} />`)}</tbody>
        </table>`
    }
  </section>`
}

/** @param {{ delivery: Delivery }} props */
function Row({ delivery: { subscription, state, receiveCount, dueAt } }) {
  const query = new URLSearchParams({ subscription })
  return html`<tr>
    <th scope="row"><a href="#/subscriptions/${subscription}">${subscription}</a></th>
    <td data-name="State">
      <span class="reason">${state}</span> ${state === 'dead' ? html`<a href="#/dead-letters?${query}">${MEANING.dead}</a>` : MEANING[state]}
    </td>
    <td data-name="Leases" class="number">${receiveCount}</td>
    <td data-name="Due">${dueAt === null ? '–' : html`<${Moment} iso=${dueAt} />`}</td>
  </tr>`
}
