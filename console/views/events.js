import { count } from '../format.js'
import { Empty, Summary, Trouble, useList, Waiting } from '../parts/load.js'
import { Moment, Name } from '../parts/text.js'
import { place } from '../router.js'
import { useStore } from '../store.js'
import { html } from '../vendor/htm-preact.js'

/**
 * @typedef {import('../live/reading.js').Subscription} Subscription
 * @typedef {'ready' | 'leased' | 'delayed'} State
 * @typedef {{ id: string, name: string, createdAt: string, receiveCount: number, dueAt: string | null }} Event
 */

const STATES = /** @type {const} */ (['ready', 'leased', 'delayed'])

/** @type {Record<State, { due: string, none: string }>} */
const WORDS = {
  ready: { due: 'Given back', none: 'No event waits to be received.' },
  leased: { due: 'Leased until', none: 'No consumer works on an event.' },
  delayed: { due: 'Due', none: 'No event was given back with a delay.' },
}

/**
 * The unfinished events of a subscription, a tab for each state; the address holds the state.
 * @param {{ subscription: Subscription }} props
 */
export function Events({ subscription }) {
  const { name, dead } = subscription
  const asked = useStore(place).query.get('state')
  const state = STATES.find((each) => each === asked) ?? 'ready'
  return html`<section class="card sheet" aria-labelledby="events-title">
    <h2 id="events-title">Events</h2>
    <nav class="tabs" aria-label="States of events">
      ${STATES.map(
        (
          each,
        ) => html`<a key=${each} href="#/subscriptions/${name}?state=${each}" aria-current=${each === state ? 'true' : null}>
          ${each} <span>${count(subscription[each])}</span>
        </a>`,
      )}
      <a href="#/dead-letters?subscription=${name}">dead <span>${count(dead)}</span></a>
    </nav>
    <${List} key=${state} name=${name} state=${state} now=${subscription[state]} />
  </section>`
}

/** @param {{ name: string, state: State, now: number }} props `now` is how many there are as polled */
function List({ name, state, now }) {
  const { items, next, more, reload, error, at } = useList(
    `events?${new URLSearchParams({ subscription: name, state })}`,
    'events',
  )
  const events = /** @type {Event[] | null} */ (items)
  if (events === null)
    return error === null ? html`<${Waiting} />` : html`<${Trouble} error=${error} retry=${reload} />`
  const { due, none } = WORDS[state]
  return html`
    <${Summary} at=${at} reload=${reload}>
      ${count(events.length)} ${next === null ? '' : `of ${count(now)} `}${state}${next === null && now !== events.length && `; there are ${count(now)} now`}
    <//>
    ${events.length === 0 && html`<${Empty} title=${`None ${state}`}>${none}<//>`}
    ${
      events.length > 0 &&
      html`<table class="rows">
        <thead>
          <tr>
            <th scope="col">Formula</th><th scope="col">Accepted</th><th scope="col" class="number">Leases</th>
            <th scope="col">${due}</th>
          </tr>
        </thead>
        <tbody>
          ${events.map(
            ({ id, name, createdAt, receiveCount, dueAt }) => html`<tr key=${id}>
              <th scope="row"><a href="#/formulas/${id}"><${Name} text=${name} /></a></th>
              <td data-name="Accepted"><${Moment} iso=${createdAt} /></td>
              <td data-name="Leases" class="number">${receiveCount}</td>
              <td data-name=${due}>${dueAt === null ? '–' : html`<${Moment} iso=${dueAt} />`}</td>
            </tr>`,
          )}
        </tbody>
      </table>`
    }
    ${error !== null && html`<${Trouble} error=${error} />`}
    ${next !== null && html`<button class="quiet more" onClick=${more}>Show more</button>`}`
}
